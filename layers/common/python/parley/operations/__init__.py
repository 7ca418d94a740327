"""What can be done: load, authorise, decide, commit. `table.py` lists all operations."""
