"""The API of fees, settlements, payouts and the books: parse, one service call, answer."""
