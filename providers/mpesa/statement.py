"""M-Pesa's own list of money received (Pull): the question for one page, and how its answer is read."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from onpoint_pay.kit.clock import NAIROBI, nairobi
from onpoint_pay.kit.money import Money, MoneyError
from providers.errors import ProviderUnavailable
from providers.mpesa.codes import code_text
from providers.mpesa.config import MpesaConfig
from providers.mpesa.gateway import GatewayAnswer, clean_message, judge
from providers.mpesa.values import clear_phone, plain_names, text
from providers.strict_json import JsonObject
from providers.types import StatementLine

# Daraja: 100 rows a page, addressed by row offset, of the last 48 hours.
PAGE_ROWS = 100
REACH = timedelta(hours=48)
_FOUND, _NOTHING_FOUND = "1000", "1001"
_STAMP_FORMAT = "%Y-%m-%d %H:%M:%S"
_RECEIPT = re.compile(r"[0-9A-Z]{6,20}")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?Z?")


def pull_document(config: MpesaConfig, *, start: datetime, end: datetime, offset: int) -> JsonObject:
    """The page that starts at row `offset`. Daraja knows whole seconds only: the window is widened to them."""
    return {
        "ShortCode": config.shortcode,
        "StartDate": nairobi(start).strftime(_STAMP_FORMAT),
        "EndDate": nairobi(end + timedelta(microseconds=999_999)).strftime(_STAMP_FORMAT),
        "OffSetValue": str(offset),
    }


def page_rows(answer: GatewayAnswer) -> list[JsonObject]:
    """The rows of one page, none only when M-Pesa says so.

    Raises ProviderUnavailable for every other answer: what cannot be read must not look like nothing paid.
    """
    document = plain_names(answer.document or {})
    code = code_text(document.get("responsecode"))
    rows = _flat(document.get("response"))
    if answer.status == 200 and "errorcode" not in document:
        if code == _FOUND and rows:
            return rows
        if code == _NOTHING_FOUND and not rows and rows is not None:
            return []
    ruling = judge(answer)
    said = f"{ruling.code or code or ''} {ruling.message or clean_message(document.get('responsemessage'))}"
    raise ProviderUnavailable(f"no statement: HTTP {answer.status} {said}".strip())


def lines(rows: Iterable[JsonObject]) -> list[StatementLine]:
    """The rows with a receipt as statement lines. Raises ProviderUnavailable when one of them cannot be read."""
    found = (_line(plain_names(row)) for row in rows)
    return [line for line in found if line is not None]


def _flat(response: object) -> list[JsonObject] | None:
    """Daraja: a list inside a list; one list alone is taken too. None for anything but rows and lists of rows."""
    if response is None:
        return []
    if not isinstance(response, list):
        return None
    items: list[Any] = []
    for item in response:
        items.extend(item if isinstance(item, list) else [item])
    return items if all(isinstance(item, dict) for item in items) else None


def _line(row: JsonObject) -> StatementLine | None:
    receipt = text(row.get("transactionid")).upper()
    if not receipt:
        return None
    if not _RECEIPT.fullmatch(receipt):
        raise ProviderUnavailable("a row of the statement has an unreadable receipt")
    return StatementLine(
        receipt=receipt,
        money=_money(row.get("amount"), receipt),
        occurred_at=_moment(row.get("trxdate")),
        account_reference=text(row.get("billreference")),
        phone=clear_phone(row.get("msisdn")),
        description=clean_message(row.get("transactiontype")),
    )


def _money(value: object, receipt: str) -> Money:
    try:
        return Money.parse(value if isinstance(value, (int, Decimal)) else text(value))
    except MoneyError:
        raise ProviderUnavailable(f"the statement has no readable amount for {receipt}") from None


def _moment(value: object) -> datetime | None:
    """Daraja: East Africa Time, although a Z may stand behind it."""
    read = _TIME.fullmatch(text(value))
    if read is None:
        return None
    try:
        return datetime.strptime(" ".join(read.groups()), _STAMP_FORMAT).replace(tzinfo=NAIROBI).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
