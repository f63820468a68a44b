"""Odd but truthful shapes of an STK callback: what older platforms and careless converters have made of it."""

from __future__ import annotations

from typing import Any

STRINGS = "strings"
SHAPES = ("single", STRINGS, "extra", "nulls")

_NULLED = ("Balance", "TransactionDate", "PhoneNumber")


def reshape(news: dict[str, Any], shape: str | None) -> dict[str, Any]:
    """The news in the named shape: `single` keeps one item and no list around it, `strings` writes numbers as text,
    `extra` adds fields nobody knows, `nulls` puts null where nothing need be said. None changes nothing.
    """
    match shape:
        case "single":
            return _with_items(news, _receipt_item(news))
        case "strings":
            return _strings(news)
        case "extra":
            return _extra(news)
        case "nulls":
            return _nulls(news)
    return news


def _items(news: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = news.get("CallbackMetadata", {}).get("Item", [])
    return items


def _with_items(news: dict[str, Any], items: object) -> dict[str, Any]:
    """Failures have no metadata and get none."""
    return {**news, "CallbackMetadata": {"Item": items}} if "CallbackMetadata" in news else news


def _receipt_item(news: dict[str, Any]) -> dict[str, Any] | None:
    return next((item for item in _items(news) if item["Name"] == "MpesaReceiptNumber"), None)


def _strings(news: dict[str, Any]) -> dict[str, Any]:
    items = [{name: str(value) for name, value in item.items()} for item in _items(news)]
    return _with_items({**news, "ResultCode": str(news["ResultCode"])}, items)


def _extra(news: dict[str, Any]) -> dict[str, Any]:
    extra = {"Name": "ChargesPaid", "Value": {"Currency": "KES", "Parts": [0, None]}, "Hint": "new"}
    return _with_items({**news, "Channel": {"Code": 7, "Tags": ["ussd"]}}, [extra, *_items(news)])


def _nulls(news: dict[str, Any]) -> dict[str, Any]:
    if "CallbackMetadata" not in news:
        return {**news, "CallbackMetadata": None}
    return _with_items(news, [{**item, "Value": None} if item["Name"] in _NULLED else item for item in _items(news)])
