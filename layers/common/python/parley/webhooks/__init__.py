"""The webhook door: it plans deliveries from changes, and makes signed HTTP requests of queued deliveries."""
