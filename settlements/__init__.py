"""What is owed: the ledger, its accounts and postings."""
