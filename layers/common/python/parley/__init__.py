"""Parley: Programmable Chat and Conversations as a service you own.

Imports point one way: doors (api, realtime, webhooks) to operations, to resources, to domain and store, to the leaves
(errors, ids, clock, tokens, settings). `tests/architecture` holds that direction.
"""
