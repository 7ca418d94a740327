"""The phones of a local run: handsets, and what brings messages to them and notifications."""
