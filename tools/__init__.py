"""Generators of documents: each writes what the rows, the contract and the tests say; a test fails when it is stale."""
