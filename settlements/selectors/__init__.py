"""Reading the ledger and what is built on it."""

from settlements.selectors.balances import balances_of, entries_of, rows_of

__all__ = ["balances_of", "entries_of", "rows_of"]
