"""A statement as JSON, CSV or PDF: three shapes of the same texts."""

import csv
import io
from typing import Any

import orjson

from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from settlements.selectors.movements import BUCKETS
from settlements.serializers.statements import COLUMNS, amounts_text, movement_body
from settlements.services.export_files import harmless
from settlements.services.printing import SOURCE_SHOWN, print_rows
from settlements.services.statements import Statement

AMOUNTS = (*BUCKETS, "total")
TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


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
    state = "" if body["final"] else ", not final: the day is not over"
    mode = "" if body["livemode"] else ", test mode"
    heading = (title, f"{body['day']} in Africa/Nairobi, {body['currency']}{mode}{state}")
    columns = ("time (UTC)", "kind", "source", *AMOUNTS)
    return print_rows(_pdf_rows(body), name=f"Statement {body['day']}", heading=heading, columns=columns)


def _pdf_rows(body: dict[str, Any]) -> list[list[str]]:
    rows = [["", "opening", "", *[body["opening"][name] for name in AMOUNTS]]]
    for row in body["movements"]:
        rows.append(
            [row["at"][11:23], row["kind"][:24], row["source"][:SOURCE_SHOWN], *[row[name] for name in AMOUNTS]]
        )
    rows.append(["", "closing", "", *[body["closing"][name] for name in AMOUNTS]])
    return rows
