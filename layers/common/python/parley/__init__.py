"""Parley: Programmable Chat and Conversations as a service you own.

Imports point one way: from `runtime` and `background` to the doors (`rest`, `sockets`, `webhooks`), then to `faces`,
`operations`, `records`, to `domain`, `store` and `ports`, and on to the leaves (errors, ids, clock, tokens, settings).
`tests/architecture` checks that direction.
"""
