"""Requests to the servers of service owners."""
