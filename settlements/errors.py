"""How the ledger refuses."""


class LedgerRefused(Exception):
    """The database would not post a transfer: unbalanced, another merchant's account, or the fact exists otherwise."""
