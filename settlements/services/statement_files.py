"""A statement as JSON, CSV or PDF: three shapes of the same texts."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import orjson
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from settlements.selectors.movements import BUCKETS
from settlements.serializers.statements import COLUMNS, amounts_text, movement_body
from settlements.services.export_files import harmless
from settlements.services.statements import Statement

AMOUNTS = (*BUCKETS, "total")
TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
PAGE, MARGIN, ROW_HEIGHT = landscape(A4), 12 * mm, 9.0
ROWS_ON_PAGE, SOURCE_SHOWN = 52, 56
TEXT_AT = (MARGIN, MARGIN + 18 * mm, MARGIN + 52 * mm)
# The last column ends at the right margin.
AMOUNT_TO = tuple(PAGE[0] - MARGIN - 26 * mm * back for back in reversed(range(len(AMOUNTS))))


def statement_body(statement: Statement) -> dict[str, Any]:
    """The statement as JSON. Amounts are decimal texts in major units."""
    currency = statement.shop.currency
    return {
        "object": "statement",
        "livemode": statement.shop.mode == LIVE,
        "day": statement.day.isoformat(),
        "currency": currency,
        "final": statement.final,
        "opening": amounts_text(statement.opening, currency),
        "closing": amounts_text(statement.closing, currency),
        "movements": [movement_body(movement, currency) for movement in statement.movements],
    }


def write_statement(statement: Statement, *, format: str, name: str) -> bytes:
    """The whole file; `format` is one of TYPES, `name` the merchant's as it is printed."""
    body = statement_body(statement)
    if format == "csv":
        return _csv(body)
    if format == "pdf":
        return _pdf(body, title=f"{name} ({to_public('mer', statement.shop.merchant_id)})")
    return orjson.dumps(body)


def _csv(body: dict[str, Any]) -> bytes:
    """Opening, movements, closing. Amounts may begin with a minus: they are numbers and run nothing."""
    out = io.StringIO(newline="")
    sheet = csv.writer(out)
    sheet.writerow(COLUMNS)
    sheet.writerow(["", "", "opening", body["day"], *[body["opening"][name] for name in AMOUNTS]])
    for row in body["movements"]:
        cells = [harmless(row[name]) for name in COLUMNS[: -len(AMOUNTS)]]
        sheet.writerow([*cells, *[row[name] for name in AMOUNTS]])
    sheet.writerow(["", "", "closing", body["day"], *[body["closing"][name] for name in AMOUNTS]])
    return out.getvalue().encode()


def _pdf(body: dict[str, Any], *, title: str) -> bytes:
    """The same rows on landscape pages, the heading on each. The same statement gives the same bytes."""
    out = io.BytesIO()
    page = Canvas(out, pagesize=PAGE, invariant=1)
    page.setTitle(f"Statement {body['day']}")
    state = "" if body["final"] else ", not final: the day is not over"
    mode = "" if body["livemode"] else ", test mode"
    heading = (title, f"{body['day']} in Africa/Nairobi, {body['currency']}{mode}{state}")
    rows = _pdf_rows(body)
    for first in range(0, len(rows), ROWS_ON_PAGE):
        _draw_page(page, heading, rows[first : first + ROWS_ON_PAGE])
    page.save()
    return out.getvalue()


def _draw_page(page: Canvas, heading: Sequence[str], rows: list[list[str]]) -> None:
    height = PAGE[1] - MARGIN
    for text, size in zip(heading, (12, 9), strict=True):
        page.setFont("Helvetica", size)
        page.drawString(MARGIN, height, text)
        height -= size + 4
    page.setFont("Helvetica", 6.5)
    for row in [["time (UTC)", "kind", "source", *AMOUNTS], *rows]:
        for cell, left in zip(row[:3], TEXT_AT, strict=True):
            page.drawString(left, height, cell)
        for cell, right in zip(row[3:], AMOUNT_TO, strict=True):
            page.drawRightString(right, height, cell)
        height -= ROW_HEIGHT
    page.showPage()


def _pdf_rows(body: dict[str, Any]) -> list[list[str]]:
    rows = [["", "opening", "", *[body["opening"][name] for name in AMOUNTS]]]
    for row in body["movements"]:
        rows.append(
            [row["at"][11:23], row["kind"][:24], row["source"][:SOURCE_SHOWN], *[row[name] for name in AMOUNTS]]
        )
    rows.append(["", "closing", "", *[body["closing"][name] for name in AMOUNTS]])
    return rows
