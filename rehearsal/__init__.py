"""Deploys what `make build` makes to an emulator of AWS, through the real `sam deploy`, and talks to it."""
