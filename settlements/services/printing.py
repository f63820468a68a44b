"""Rows on pages: a heading on each, three columns of words, and amounts to the right margin."""

import io
from collections.abc import Sequence

from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

PAGE, MARGIN, ROW_HEIGHT = landscape(A4), 12 * mm, 9.0
ROWS_ON_PAGE, SOURCE_SHOWN = 52, 56
WORDS_AT = (MARGIN, MARGIN + 18 * mm, MARGIN + 52 * mm)
AMOUNT_WIDTH = 26 * mm


def print_rows(rows: Sequence[Sequence[str]], *, name: str, heading: tuple[str, str], columns: Sequence[str]) -> bytes:
    """A PDF. The same rows give the same bytes; without any there is one page that says so much."""
    out = io.BytesIO()
    page = Canvas(out, pagesize=PAGE, invariant=1)
    page.setTitle(name)
    for first in range(0, max(len(rows), 1), ROWS_ON_PAGE):
        _draw_page(page, heading, [columns, *rows[first : first + ROWS_ON_PAGE]])
    page.save()
    return out.getvalue()


def _draw_page(page: Canvas, heading: tuple[str, str], rows: Sequence[Sequence[str]]) -> None:
    height = PAGE[1] - MARGIN
    for text, size in zip(heading, (12, 9), strict=True):
        page.setFont("Helvetica", size)
        page.drawString(MARGIN, height, text)
        height -= size + 4
    page.setFont("Helvetica", 6.5)
    for row in rows:
        words, amounts = row[: len(WORDS_AT)], row[len(WORDS_AT) :]
        for cell, left in zip(words, WORDS_AT, strict=True):
            page.drawString(left, height, cell)
        for back, cell in enumerate(reversed(amounts)):
            page.drawRightString(PAGE[0] - MARGIN - back * AMOUNT_WIDTH, height, cell)
        height -= ROW_HEIGHT
    page.showPage()
