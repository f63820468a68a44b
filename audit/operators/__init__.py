"""What every page of the operators is made of: rights, pages that are read, deeds that are done, and what is shown."""
