"""Reads the template, and binds it to the resources that were created from it."""
