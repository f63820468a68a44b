"""The API of webhooks: parse, one service call, answer."""
