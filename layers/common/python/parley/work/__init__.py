"""Background work: what the stream's changes owe is planned, queued and carried out."""
