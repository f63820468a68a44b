"""Receipts: each is given once, over everything that moves money at the operator."""

from __future__ import annotations

from simulator.book import Book
from simulator.identifiers import new_receipt


def fresh_receipt(book: Book, at: float) -> str:
    """A receipt dated by the day of `at` that nothing in the book has; taken from now on."""
    while True:
        receipt = new_receipt(at)
        taken = book.has_receipt(receipt)
        if not taken and book.change("INSERT OR IGNORE INTO receipts VALUES (?)", (receipt,)):
            return receipt
