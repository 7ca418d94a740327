"""Pushes to clients' sockets through API Gateway's `@connections`."""
