"""The statement of one settlement as JSON, CSV or PDF: what it is made of, to the cent, and where that went."""

import csv
import io
from typing import Any

import orjson

from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from settlements.models import Settlement, SettlementLine
from settlements.serializers.settlements import line_body, settlement_body
from settlements.services.export_files import harmless
from settlements.services.printing import SOURCE_SHOWN, print_rows

AMOUNTS = ("gross", "fee", "amount")
COLUMNS = ("posted_at", "transfer", "kind", "source", *AMOUNTS)
# What a release takes of the whole, each a line of its own.
DEBT, RESERVE = "debt_repaid", "rolling_reserve"


def settlement_statement(settlement: Settlement) -> dict[str, Any]:
    """The settlement, a line for each transfer in it and for what was taken of the whole, and their sum.

    Amounts are decimal texts in major units; `total` is what the settlement has made available.
    """
    lines = list(SettlementLine.objects.filter(settlement=settlement).select_related("transfer").order_by("id"))
    taken = {kind: -minor for kind, minor in ((DEBT, settlement.debt), (RESERVE, settlement.reserve)) if minor}
    total = sum(line.amount for line in lines) + sum(taken.values())
    body = settlement_body(settlement)
    return {
        "object": "settlement_statement",
        "livemode": body["livemode"],
        "settlement": body,
        "items": [*map(line_body, lines), *[_taken(settlement, kind, minor) for kind, minor in taken.items()]],
        "total": Money(total, settlement.currency).decimal_text(),
    }


def _taken(settlement: Settlement, kind: str, minor: int) -> dict[str, Any]:
    """A line without a transfer of its own: a part of the release."""
    amount = Money(minor, settlement.currency).decimal_text()
    return {
        "object": "settlement_line",
        "transfer": None
        if settlement.release_transfer_id is None
        else to_public("trf", settlement.release_transfer_id),
        "kind": kind,
        "source": "",
        "gross": amount,
        "fee": "0.00",
        "amount": amount,
        "currency": settlement.currency,
        "posted_at": None if settlement.closed_at is None else rfc3339(settlement.closed_at),
    }


def write_settlement(settlement: Settlement, *, format: str, name: str) -> bytes:
    """The whole file; `format` is json, csv or pdf, `name` the merchant's as it is printed."""
    body = settlement_statement(settlement)
    if format == "csv":
        return _csv(body)
    if format == "pdf":
        return _pdf(body, title=f"{name} ({to_public('mer', settlement.merchant_id)})")
    return orjson.dumps(body)


def _csv(body: dict[str, Any]) -> bytes:
    out = io.StringIO(newline="")
    sheet = csv.writer(out)
    sheet.writerow(COLUMNS)
    for item in body["items"]:
        words = [harmless(item[column] or "") for column in COLUMNS[: -len(AMOUNTS)]]
        sheet.writerow([*words, *[item[column] for column in AMOUNTS]])
    sheet.writerow(["", "", "total", body["settlement"]["id"], "", "", body["total"]])
    return out.getvalue().encode()


def _pdf(body: dict[str, Any], *, title: str) -> bytes:
    settlement = body["settlement"]
    mode = "" if body["livemode"] else ", test mode"
    about = (
        f"Settlement {settlement['id']} of {settlement['day']}, {settlement['currency']}, {settlement['status']}{mode}"
    )
    rows = [
        [
            (item["posted_at"] or "")[:10],
            item["kind"][:24],
            item["source"][:SOURCE_SHOWN],
            *[item[column] for column in AMOUNTS],
        ]
        for item in body["items"]
    ]
    rows.append(["", "total", "", "", "", body["total"]])
    return print_rows(
        rows, name=f"Settlement {settlement['id']}", heading=(title, about), columns=("day", "kind", "source", *AMOUNTS)
    )
