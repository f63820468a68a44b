"""Every write and rule of webhooks, one flow per file."""
