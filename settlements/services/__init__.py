"""The writes and rules of settlements, one flow per file."""
