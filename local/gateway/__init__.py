"""API Gateway on one port: REST, sockets and their management."""
