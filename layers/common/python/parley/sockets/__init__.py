"""The socket door: it answers the frames of clients, and pushes changes to them.

A push arrives at least once and usually in order. Clients sort by `seq`, drop repeats, and fetch what is missing.
"""
