"""The API of merchants and of provider accounts: parse, one service call, answer."""
