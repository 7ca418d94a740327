"""Faults that somebody might make, and the tests that notice them."""
