"""Tells merchants what happened: events, endpoints, signed deliveries and their tries."""
