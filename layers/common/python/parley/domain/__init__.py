"""The rules of chat as pure functions: plain values in, plain values or a Refusal out."""
