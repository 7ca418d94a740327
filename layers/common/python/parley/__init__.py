"""Parley: Programmable Chat and Conversations as a service you own.

Imports point one way: from the doors (`rest`, `sockets`, `webhooks`, `work`) to `operations`, `records`, `domain` and
`store`, and on to the leaves (errors, ids, clock, tokens, settings). `tests/architecture` holds that direction.
"""
