"""The socket door: frames in, operations, replies; changes out as pushes.

Delivery is at least once and usually in order. Clients sort by `seq`, drop what they have seen, fetch what is missing.
"""
