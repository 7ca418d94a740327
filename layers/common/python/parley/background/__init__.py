"""Background work: jobs are planned from the stream's changes, queued and carried out."""
