"""JSON of webhooks, in and out."""
