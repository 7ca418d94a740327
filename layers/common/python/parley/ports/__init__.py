"""The ports: what Parley asks of the world besides its table."""
