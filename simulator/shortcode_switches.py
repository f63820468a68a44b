"""How one shortcode is set up at the operator and how it behaves; what the control API can move for each of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from simulator.book import Book

VERSIONS = ("v1", "v2")
MSISDN_FORMS = ("clear", "masked", "hashed")
LEGACY_REGISTERED = "legacy_registered"
DUPLICATE_NOTIFICATION = "duplicate_notification"
SOAP_FAULT = "soap_fault"

_CHOICES = {
    "c2b_version": VERSIONS,
    "msisdn": MSISDN_FORMS,
    "register_answer": (LEGACY_REGISTERED, DUPLICATE_NOTIFICATION, SOAP_FAULT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortcodeSwitches:
    """None leaves a thing to its default: any C2B version is served, and the number's form follows the version.

    `validation` None = only the shortcode known from the start has it. `register_answer` is what every C2B
    registration gets instead of the usual answer.
    """

    production: bool = False
    c2b_version: str | None = None
    validation: bool | None = None
    msisdn: str | None = None
    nulls: bool = False
    register_answer: str | None = None
    stk_confirmations: bool = False
    rule_17: bool = False
    pull_spaced_keys: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


_NAMES = tuple(field.name for field in fields(ShortcodeSwitches))


def read_changes(body: Mapping[str, Any]) -> dict[str, Any]:
    """The switches a control request names. Raises ValueError for a value that cannot be; null = the default."""
    changes = {name: body[name] for name in _NAMES if name in body}
    for name, value in changes.items():
        choices = _CHOICES.get(name)
        if choices and value is not None and value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}")
        if not choices and value is not None and not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
    return changes


def change_switches(book: Book, shortcode: str, changes: Mapping[str, Any]) -> None:
    """Lays changes over what is set; None takes a setting back."""
    laid = {**_saved(book, shortcode), **changes}
    switches = {name: value for name, value in laid.items() if value is not None}
    book.change("INSERT OR REPLACE INTO shortcode_switches VALUES (?, ?)", (shortcode, json.dumps(switches)))


def switches_of(book: Book, shortcode: str) -> ShortcodeSwitches:
    return ShortcodeSwitches(**_saved(book, shortcode))


def _saved(book: Book, shortcode: str) -> dict[str, Any]:
    rows = book.rows("SELECT switches FROM shortcode_switches WHERE shortcode = ?", (shortcode,))
    return dict(json.loads(rows[0]["switches"])) if rows else {}
