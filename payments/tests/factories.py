"""Rows for tests: payments in any state, made through the product's own statements."""
