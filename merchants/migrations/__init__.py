"""Schema of merchants."""
