"""The simulated carrier: plays the phones of a local run."""
