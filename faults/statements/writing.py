"""Writing the book: how often, and where, each kind of break is planted."""

import random
from datetime import datetime

from faults.statements.book import KINDS, Book, Plan
from faults.statements.breaks import Breaks
from faults.statements.fitting import Fitting
from faults.statements.pen import Pen

# What stands beside a line that nobody can read explains a movement that is missing there: nobody could tell the two
# apart, so they are not planted side by side.
APART = ("unparsable", "balance_gap")
LINES_APART = 8


def write_book(plan: Plan, *, shortcode: str, start: datetime) -> Book:
    """Draw the payments, the payouts and their statement. Every kind is planted as often as the others, at random."""
    draw = random.Random(plan.seed)  # noqa: S311
    book = Book(plan=plan, start=start, shortcode=shortcode)
    pen = Pen(book, draw)
    fitting = Fitting(pen)
    breaks = Breaks(pen, fitting)
    waiting = [KINDS[number % len(KINDS)] for number in range(plan.breaks)]
    draw.shuffle(waiting)
    free_from = 0
    while len(book.rows) < plan.lines or waiting:
        left = max(plan.lines - len(book.rows), 1)
        if waiting and draw.random() < 1.4 * len(waiting) / left:
            place = next(
                (n for n, kind in enumerate(waiting) if kind not in APART or len(book.rows) >= free_from), None
            )
            if place is not None:
                kind = waiting.pop(place)
                getattr(breaks, kind)()
                free_from = len(book.rows) + LINES_APART if kind in APART else free_from
                continue
        fitting.write()
    for _ in range(LINES_APART):
        fitting.plain()
    return book
