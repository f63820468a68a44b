"""Every read of merchants."""
