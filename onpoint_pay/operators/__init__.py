"""The operators' pages as a whole: the site, its door, what stands around every request under /operators/."""
