"""Event source mappings and schedules: streams and queues to functions."""
