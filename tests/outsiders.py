"""Every route under /api/v1/ and what a stranger could ask of it: a table that must name each route of the URL map."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver

from merchants.models import Merchant
from merchants.services.api_keys import create_api_key
from onpoint_pay.kit.ids import new_id, to_public
from payments.tests.factories import make_payment
from webhooks.tests.factories import make_delivery, make_endpoint, publish

Make = Callable[[Merchant, str], str]
PREFIX = "api/v1/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCase:
    """A route that names one object in its path. `make` makes one and returns its name there."""

    make: Make
    nonsense: Callable[[], str]
    bodies: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedInBodyCase:
    """A route that names one object in what is sent. `make` makes one and returns all its names."""

    make: Callable[[Merchant, str], list[str]]
    body: Callable[[str], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCase:
    """A route that lists objects. `make` makes one and returns its id; `filters` name it in the query."""

    make: Make
    filters: Callable[[str], dict[str, str]] = lambda name: {}


Case = ObjectCase | NamedInBodyCase | ListCase


def route_names() -> Iterator[tuple[str, str, list[str]]]:
    """Name, path and methods of everything under /api/v1/; no methods for what is no viewset."""
    yield from _walk(get_resolver().url_patterns, "")


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[tuple[str, str, list[str]]]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif path.startswith(PREFIX):
            methods = getattr(pattern.callback, "actions", None) or {}
            yield pattern.name or "", path, [method for method in methods if method != "head"]


# --- objects to be asked for ------------------------------------------------------------------------------------------


def payment(merchant: Merchant, mode: str) -> str:
    return to_public("pay", make_payment(merchant, mode=mode, status="completed").id)


def payment_names(merchant: Merchant, mode: str) -> list[str]:
    made = make_payment(merchant, mode=mode, status="completed", reference=f"ORDER-{new_id().hex}")
    names = [made.reference, made.merchant_reference, made.provider_reference, made.receipt, to_public("pay", made.id)]
    return [str(name) for name in names]


def checkout(merchant: Merchant, mode: str) -> str:
    return str(make_payment(merchant, mode=mode).provider_reference)


def endpoint(merchant: Merchant, mode: str) -> str:
    return to_public("whe", make_endpoint(merchant, mode=mode)[0].pk)


def delivery(merchant: Merchant, mode: str) -> str:
    return to_public("whd", UUID(int=make_delivery(merchant, mode=mode).pk))


def event(merchant: Merchant, mode: str) -> str:
    return to_public("evt", publish(merchant, mode=mode))


def api_key(merchant: Merchant, mode: str) -> str:
    return create_api_key(merchant_id=merchant.id, mode=mode, name="Till", created_by="tests")[0].public_id


def nothing(prefix: str) -> Callable[[], str]:
    return lambda: to_public(prefix, new_id())


PAYMENT = ObjectCase(make=payment, nonsense=nothing("pay"))
ENDPOINT = ObjectCase(make=endpoint, nonsense=nothing("whe"), bodies={"patch": {"description": "mine now"}})
DELIVERY = ObjectCase(make=delivery, nonsense=nothing("whd"))
KEY = ObjectCase(make=api_key, nonsense=nothing("key"))
PAYMENTS = ListCase(make=payment, filters=lambda name: {"status": "completed"})

CASES: dict[str, Case] = {
    "payment": PAYMENT,
    "payment-timeline": PAYMENT,
    "payment-by-checkout": ObjectCase(make=checkout, nonsense=lambda: "ws_CO_000000000000000000000000"),
    "payment-status": NamedInBodyCase(make=payment_names, body=lambda name: {"reference": name, "refresh": False}),
    "payments": PAYMENTS,
    "payment-transactions": PAYMENTS,
    "webhook-endpoint": ENDPOINT,
    "webhook-endpoint-rotate": ENDPOINT,
    "webhook-endpoint-test": ENDPOINT,
    "webhook-endpoints": ListCase(make=endpoint),
    "webhook-delivery": DELIVERY,
    "webhook-delivery-resend": DELIVERY,
    "webhook-deliveries": ListCase(make=delivery, filters=lambda name: {"status": "open"}),
    "event": ObjectCase(make=event, nonsense=nothing("evt")),
    "events": ListCase(make=event, filters=lambda name: {"type": "payment.completed"}),
    "api-key": KEY,
    "api-key-revoke": KEY,
    "api-keys": ListCase(make=api_key),
}

# These take no name of anything and show nothing of a merchant, or only of the caller's own; each with its reason.
NO_MERCHANT_DATA: dict[str, str] = {
    "payment-initiate": "makes the caller's own; a test of its own shows that references of others are not seen",
    "merchant": "takes no name: always the caller's merchant; tested on its own",
    "rotate-webhook-secret": "takes no name: always the caller's merchant; tested on its own",
    "profile": "takes no name: the signed-in person's own account",
    "logout-all": "takes no name: ends the signed-in person's own sessions",
    "register": "before anybody is known",
    "login": "before anybody is known",
    "refresh": "proven by the refresh token itself",
    "logout": "proven by the refresh token itself",
    "callback": "for providers: answers the same for every payment, and 404 without a token of ours",
    "callback-documented": "for providers: acknowledges every body alike",
    "callback-documented-token": "for providers: answers the same for every payment, and 404 without a token of ours",
    "schema": "describes the API",
    "docs": "describes the API",
    "health-live": "tells of the process",
    "health-ready": "tells of the process",
}
