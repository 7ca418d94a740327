"""The simulated carrier: phones without phones."""
