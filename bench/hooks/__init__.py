"""Measures how webhooks are delivered, beside control loops that only send: see docs/performance.md."""
