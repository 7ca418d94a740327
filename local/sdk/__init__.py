"""Twilio's own JavaScript SDKs, for the console and the tests."""
