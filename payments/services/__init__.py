"""The writes and rules of payments, one flow per file."""
