"""The API of payments, refunds and C2B money: parse, one service call, answer."""
