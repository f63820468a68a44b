"""Every write of merchants, one flow per file."""
