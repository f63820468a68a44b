"""The money a shortcode holds at the operator: its Working, Utility and Charges Paid accounts, in KES cents."""

from __future__ import annotations

from simulator.book import Book

WORKING = "Working"
UTILITY = "Utility"
CHARGES_PAID = "Charges Paid"
ACCOUNTS = (WORKING, UTILITY, CHARGES_PAID)

STARTING_FLOAT = 1_000_000_00
"""KES cents in the Utility account of the shortcode known from the start."""


def credit(book: Book, shortcode: str, account: str, cents: int) -> None:
    """Adds `cents` (0 or more) to an account, inside the caller's transaction."""
    _require_account(account, cents=cents)
    book.change(
        "INSERT INTO accounts VALUES (?, ?, ?) "
        "ON CONFLICT (shortcode, account) DO UPDATE SET cents = cents + excluded.cents",
        (shortcode, account, cents),
    )


def debit(book: Book, shortcode: str, account: str, cents: int) -> bool:
    """Takes `cents` (0 or more) from an account, inside the caller's transaction; False when short, nothing moved.

    Daraja: Charges Paid counts downwards from zero, so it is never short.
    """
    _require_account(account, cents=cents)
    book.change("INSERT OR IGNORE INTO accounts VALUES (?, ?, 0)", (shortcode, account))
    return (
        book.change(
            "UPDATE accounts SET cents = cents - :cents "
            "WHERE shortcode = :shortcode AND account = :account AND (cents >= :cents OR account = :unbounded)",
            {"cents": cents, "shortcode": shortcode, "account": account, "unbounded": CHARGES_PAID},
        )
        > 0
    )


def balances(book: Book, shortcode: str) -> dict[str, int]:
    """KES cents by account name, all three accounts; those never touched hold 0."""
    rows = book.rows("SELECT account, cents FROM accounts WHERE shortcode = ?", (shortcode,))
    return dict.fromkeys(ACCOUNTS, 0) | {row["account"]: row["cents"] for row in rows}


def set_balance(book: Book, shortcode: str, account: str, cents: int) -> None:
    """Makes an account hold `cents`, whatever it held."""
    _require_account(account)
    book.change("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)", (shortcode, account, cents))


def open_accounts(book: Book, shortcode: str) -> None:
    """Gives a shortcode its starting float unless its Utility account is there already."""
    book.change("INSERT OR IGNORE INTO accounts VALUES (?, ?, ?)", (shortcode, UTILITY, STARTING_FLOAT))


def _require_account(account: str, *, cents: int = 0) -> None:
    if account not in ACCOUNTS or cents < 0:
        raise ValueError(f"no account {account!r}, or {cents} below 0")
