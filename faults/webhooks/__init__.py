"""Faults of webhooks: processes, servers and receivers die under load, and every event must still arrive everywhere."""
