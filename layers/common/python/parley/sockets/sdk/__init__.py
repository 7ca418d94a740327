"""The protocol of Twilio's official JavaScript SDKs."""
