"""AWS on loopback: starts emulators, and creates in them what the template declares."""
