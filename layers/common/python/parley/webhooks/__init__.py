"""The webhook door: changes to planned deliveries, queued deliveries to signed HTTP requests."""
