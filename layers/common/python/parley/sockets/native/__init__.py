"""Parley's own protocol on the socket: JSON frames, its actions, and its pushes."""
