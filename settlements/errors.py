"""How the ledger refuses."""


class LedgerRefused(Exception):
    """The database would not post a transfer: unbalanced, another merchant's account, or the fact exists otherwise."""


class BalanceTooLow(Exception):
    """The merchant's accounts do not cover what should be taken from them."""
