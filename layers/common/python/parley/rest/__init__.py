"""The REST door: HTTP in, an operation, JSON out. Routes are generated from the rows."""
