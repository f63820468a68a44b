"""How values are shown to operators: masked, as money, in Nairobi's time, as a link to another page."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from onpoint_pay.kit.clock import nairobi
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.redact import MASK, mask_phone

NOTHING = "-"
Show = Callable[[Any, Any], Any]


def mask_email(address: str) -> str:
    """w****@example.com; nothing of what has no @."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}{MASK}@{domain}" if at else MASK


def mask_name(name: str) -> str:
    """The first letter of each word."""
    return " ".join(f"{word[0]}{MASK}" for word in name.split())


def _masked(value: str, how: Callable[[str], str]) -> str:
    return how(value) if value else NOTHING


def phone(field: str, *, label: str = "phone") -> Show:
    """A column or line that shows the phone in `field` masked."""
    return _display(lambda row: _masked(getattr(row, field), mask_phone), label)


def email(field: str, *, label: str = "e-mail") -> Show:
    """A column or line that shows the address in `field` masked."""
    return _display(lambda row: _masked(getattr(row, field), mask_email), label)


def name(field: str, *, label: str = "name") -> Show:
    """A column or line that shows the person's name in `field` masked."""
    return _display(lambda row: _masked(getattr(row, field), mask_name), label)


def public_id(prefix: str, field: str = "pk", *, label: str = "id") -> Show:
    """The public id of a key in `field`."""
    return _display(lambda row: _public(prefix, getattr(row, field)), label)


def money(field: str, *, currency: str = "currency", label: str = "") -> Show:
    """An amount in minor units in `field`, in the currency of the row (KES where it has none)."""

    def show(row: Any) -> str:
        minor = getattr(row, field)
        return NOTHING if minor is None else str(Money(minor, getattr(row, currency, "KES")))

    return _display(show, label or field.replace("_", " "))


def moment(field: str, *, label: str = "") -> Show:
    """A time in `field`, on a clock in Nairobi."""

    def show(row: Any) -> str:
        at: datetime | None = getattr(row, field)
        return NOTHING if at is None else f"{nairobi(at):%Y-%m-%d %H:%M:%S}"

    return _display(show, label or field.removesuffix("_at").replace("_", " "))


def link(text: str, page: str, key: Any) -> str | SafeString:
    """A link to the page of another object (`merchants_merchant`, say); the bare text where there is no such page."""
    try:
        return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=(key,)), text)
    except NoReverseMatch:
        return text


def merchant(field: str = "merchant_id") -> Show:
    """The business a row belongs to, as its public id, with a link to its page."""

    def show(row: Any) -> str | SafeString:
        key = getattr(row, field)
        return NOTHING if key is None else link(_public("mer", key), "merchants_merchant", key)

    return _display(show, "merchant")


def _public(prefix: str, key: UUID | int | None) -> str:
    if key is None:
        return NOTHING
    return to_public(prefix, key if isinstance(key, UUID) else UUID(int=key))


def _display(show: Callable[[Any], Any], label: str) -> Show:
    """As an attribute of a page's class it is called with the page and the row."""

    @admin.display(description=label)
    def shown(page: Any, row: Any) -> Any:
        return show(row)

    return shown
