"""What the template declares: read, bound to what was made of it, as plain records."""
