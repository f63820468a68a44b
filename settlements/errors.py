"""How the ledger refuses."""


class LedgerRefused(Exception):
    """The database would not post a transfer: unbalanced, another merchant's account, or the fact exists otherwise."""


class BalanceTooLow(Exception):
    """The merchant's accounts do not cover what should be taken from them."""


class DayNotOver(Exception):
    """A day is settled when its books are complete, and not before."""


class StatementBroken(Exception):
    """The books of a day that is over are not what they were when its statement was made."""
