"""Every route under /api/v1/ and what a stranger could ask of it: a table that must name each route of the URL map."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver

from merchants.models import Merchant, ProviderAccount
from merchants.services.api_keys import create_api_key
from merchants.tests.accounts import make_account
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import from_public, new_id, to_public
from onpoint_pay.kit.money import Money
from payments.models import Payment
from payments.services.bulk import start_bulk
from payments.services.refunds import ask_refund
from payments.tests.c2b import make_c2b_account, make_claim, make_receipt
from payments.tests.factories import caller_of, make_payment, next_phone
from webhooks.models import Event, Notice
from webhooks.services.recovery import start_recovery
from webhooks.tests.factories import make_delivery, make_endpoint, publish

Make = Callable[[Merchant, str], str]
PREFIX = "api/v1/"
_shortcodes = count(1)
_sequences = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCase:
    """A route that names one object in its path. `make` makes one and returns its name there.

    `in_person` is a route that no key may use, `told` what its owner may be told there besides success.
    """

    make: Make
    nonsense: Callable[[], str]
    bodies: dict[str, Any] = field(default_factory=dict)
    in_person: bool = False
    told: tuple[int, ...] = ()


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
    in_person: bool = False


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


def open_payment(merchant: Merchant, mode: str) -> str:
    return to_public("pay", make_payment(merchant, mode=mode).id)


def bulk_run(merchant: Merchant, mode: str) -> str:
    items = [{"payment_method": "mpesa", "phone": next_phone(), "money": Money(100_00), "expires_in": 120}]
    return to_public("blk", start_bulk(caller_of(merchant, mode=mode), items, request_id="req_tests").id)


def payment_names(merchant: Merchant, mode: str) -> list[str]:
    made = make_payment(merchant, mode=mode, status="completed", reference=f"ORDER-{new_id().hex}")
    names = [made.reference, made.merchant_reference, made.provider_reference, made.receipt, to_public("pay", made.id)]
    return [str(name) for name in names]


def refundable(merchant: Merchant, mode: str) -> Payment:
    """Paid to an account of the merchant's own: in live mode the platform has none here."""
    made = make_payment(merchant, mode=mode, status="completed", reference=f"ORDER-{new_id().hex}")
    key = from_public("prv", account(merchant, mode))
    Payment.objects.filter(id=made.id).update(provider_account_id=key)
    return made


def refundable_names(merchant: Merchant, mode: str) -> list[str]:
    made = refundable(merchant, mode)
    names = [made.reference, made.merchant_reference, made.provider_reference, made.receipt, to_public("pay", made.id)]
    return [str(name) for name in names]


def refund(merchant: Merchant, mode: str) -> str:
    asked = {"reference": refundable(merchant, mode).reference, "reason": "Returned"}
    return to_public("ref", ask_refund(caller_of(merchant, mode=mode), asked, request_id="req_tests").id)


def checkout(merchant: Merchant, mode: str) -> str:
    return str(make_payment(merchant, mode=mode).provider_reference)


def endpoint(merchant: Merchant, mode: str) -> str:
    return to_public("whe", make_endpoint(merchant, mode=mode)[0].pk)


def delivery(merchant: Merchant, mode: str) -> str:
    return to_public("whd", UUID(int=make_delivery(merchant, mode=mode).pk))


def recovery(merchant: Merchant, mode: str) -> str:
    endpoint, _ = make_endpoint(merchant, mode=mode)
    since = now() - timedelta(days=1)
    return to_public("whr", start_recovery(endpoint, since=since, actor="tests").pk)


def notice(merchant: Merchant, mode: str) -> str:
    endpoint, _ = make_endpoint(merchant, mode=mode)
    made = Notice.objects.create(endpoint=endpoint, level=1, days=1, failing_since=now() - timedelta(days=1))
    return to_public("whn", UUID(int=made.pk))


def event(merchant: Merchant, mode: str) -> str:
    return to_public("evt", publish(merchant, mode=mode))


def numbered_event(merchant: Merchant, mode: str) -> str:
    made = event(merchant, mode)
    Event.objects.filter(pk=from_public("evt", made)).update(sequence=next(_sequences))
    return made


def api_key(merchant: Merchant, mode: str) -> str:
    return create_api_key(merchant_id=merchant.id, mode=mode, name="Till", created_by="tests")[0].public_id


def account(merchant: Merchant, mode: str) -> str:
    """One that serves nobody, so that the platform's still takes the payments of these tests."""
    return make_account(merchant, mode=mode, shortcode=f"6{next(_shortcodes):05d}", is_default=False).public_id


def c2b_account(merchant: Merchant, mode: str) -> str:
    return to_public("acc", make_c2b_account(shop_of(merchant, mode)).id)


def c2b_receipt(merchant: Merchant, mode: str) -> str:
    return to_public("c2b", make_receipt(shop_of(merchant, mode), mode=mode).id)


def matched_c2b_receipt(merchant: Merchant, mode: str) -> str:
    shop = shop_of(merchant, mode)
    account = make_c2b_account(shop)
    return to_public("c2b", make_receipt(shop, mode=mode, bill_ref=account.code).id)


def c2b_claim(merchant: Merchant, mode: str) -> str:
    return to_public("clm", make_claim(shop_of(merchant, mode)).id)


def shop_of(merchant: Merchant, mode: str) -> ProviderAccount:
    """A shortcode of the merchant's own that serves nobody, so that the platform's still takes the payments here."""
    return make_account(merchant, mode=mode, shortcode=f"6{next(_shortcodes):05d}", is_default=False)


def nothing(prefix: str) -> Callable[[], str]:
    return lambda: to_public(prefix, new_id())


PAYMENT = ObjectCase(make=payment, nonsense=nothing("pay"))
ENDPOINT = ObjectCase(make=endpoint, nonsense=nothing("whe"), bodies={"patch": {"description": "mine now"}})
RECOVER_ALL = {"post": {"since": "2026-01-01T00:00:00Z"}}
DELIVERY = ObjectCase(make=delivery, nonsense=nothing("whd"))
KEY = ObjectCase(make=api_key, nonsense=nothing("key"))
ACCOUNT = ObjectCase(make=account, nonsense=nothing("prv"), bodies={"patch": {"name": "mine now"}}, in_person=True)
REFUND = ObjectCase(make=refund, nonsense=nothing("ref"))
C2B_ACCOUNT = ObjectCase(make=c2b_account, nonsense=nothing("acc"), bodies={"patch": {"name": "mine now"}})
PAYMENTS = ListCase(make=payment, filters=lambda name: {"status": "completed"})

CASES: dict[str, Case] = {
    "payment": PAYMENT,
    "payment-timeline": PAYMENT,
    "payment-by-checkout": ObjectCase(make=checkout, nonsense=lambda: "ws_CO_000000000000000000000000"),
    "payment-status": NamedInBodyCase(make=payment_names, body=lambda name: {"reference": name, "refresh": False}),
    "payment-explanation": PAYMENT,
    "payment-sync": PAYMENT,
    "payment-cancel": ObjectCase(make=open_payment, nonsense=nothing("pay")),
    # What is paid is not asked for again, as its owner is told.
    "payment-resend": replace(PAYMENT, told=(409,)),
    "payment-quote": NamedInBodyCase(make=payment_names, body=lambda name: {"refund_of": name}),
    "payment-bulk-run": ObjectCase(make=bulk_run, nonsense=nothing("blk")),
    "payments": PAYMENTS,
    "payment-transactions": PAYMENTS,
    "payment-refund": NamedInBodyCase(
        make=refundable_names, body=lambda name: {"reference": name, "amount": "10", "reason": "Returned"}
    ),
    "refund": REFUND,
    "refund-retry": REFUND,
    "refunds": ListCase(make=refund, filters=lambda name: {"status": "pending"}),
    "webhook-endpoint": ENDPOINT,
    "webhook-endpoint-rotate": ENDPOINT,
    "webhook-endpoint-test": ENDPOINT,
    "webhook-endpoint-statistics": ENDPOINT,
    "webhook-endpoint-recover": replace(ENDPOINT, bodies=RECOVER_ALL),
    "webhook-endpoint-recoveries": ENDPOINT,
    "webhook-recovery": ObjectCase(make=recovery, nonsense=nothing("whr")),
    "webhook-notices": ListCase(make=notice),
    "webhook-endpoints": ListCase(make=endpoint),
    "webhook-delivery": DELIVERY,
    "webhook-delivery-resend": DELIVERY,
    "webhook-deliveries": ListCase(make=delivery, filters=lambda name: {"status": "open"}),
    "event": ObjectCase(make=event, nonsense=nothing("evt")),
    "events": ListCase(make=numbered_event, filters=lambda name: {"type": "payment.completed"}),
    "api-key": KEY,
    "api-key-revoke": KEY,
    "api-keys": ListCase(make=api_key),
    "c2b-account": C2B_ACCOUNT,
    "c2b-account-close": C2B_ACCOUNT,
    "c2b-accounts": ListCase(make=c2b_account, filters=lambda name: {"status": "open"}),
    "c2b-receipt": ObjectCase(make=c2b_receipt, nonsense=nothing("c2b")),
    "c2b-receipt-suggestions": ObjectCase(make=c2b_receipt, nonsense=nothing("c2b")),
    # The owner is told that the account is none.
    "c2b-receipt-match": ObjectCase(
        make=c2b_receipt,
        nonsense=nothing("c2b"),
        bodies={"post": {"account": to_public("acc", new_id())}},
        told=(404,),
    ),
    "c2b-receipt-unmatch": ObjectCase(make=matched_c2b_receipt, nonsense=nothing("c2b")),
    "c2b-receipts": ListCase(make=c2b_receipt, filters=lambda name: {"state": "unmatched"}),
    "c2b-claim": ObjectCase(make=c2b_claim, nonsense=nothing("clm")),
    "c2b-claims": ListCase(make=c2b_claim, filters=lambda name: {"status": "pending"}),
    "provider-account": ACCOUNT,
    "provider-account-doctor": ACCOUNT,
    # Nobody answers for the provider here, and this machine is no address for a real one.
    "provider-account-register": replace(ACCOUNT, told=(400, 503)),
    "provider-accounts": ListCase(make=account, in_person=True),
}

# These take no name of anything and show nothing of a merchant, or only of the caller's own; each with its reason.
NO_MERCHANT_DATA: dict[str, str] = {
    "payment-initiate": "makes the caller's own; a test of its own shows that references of others are not seen",
    "payment-bulk": "makes the caller's own payments, each as payment-initiate does",
    "merchant": "takes no name: always the caller's merchant; tested on its own",
    "rotate-webhook-secret": "takes no name: always the caller's merchant; tested on its own",
    "c2b-register-urls": "takes no name: always the account that serves the caller; tested on its own",
    "profile": "takes no name: the signed-in person's own account",
    "logout-all": "takes no name: ends the signed-in person's own sessions",
    "register": "before anybody is known",
    "login": "before anybody is known",
    "refresh": "proven by the refresh token itself",
    "logout": "proven by the refresh token itself",
    "callback": "for providers: answers the same for every payment, and 404 without a token of ours",
    "callback-confirm": "for providers: answers the same for all money, and 404 without a token of ours",
    "callback-validate": "for providers: tells of accounts to nobody without a token of ours",
    "callback-confirm-documented": "for providers: acknowledges every body alike",
    "callback-confirm-documented-token": "for providers: answers the same for all money, and 404 without a token of ours",
    "callback-validate-documented": "for providers: accepts every body alike",
    "callback-validate-documented-token": "for providers: tells of accounts to nobody without a token of ours",
    "callback-documented": "for providers: acknowledges every body alike",
    "callback-documented-token": "for providers: answers the same for every payment, and 404 without a token of ours",
    "callback-result": "for providers: answers the same for every order, and 404 without a token of ours",
    "callback-timeout": "for providers: answers the same for every order, and 404 without a token of ours",
    "schema": "describes the API",
    "docs": "describes the API",
    "health-live": "tells of the process",
    "health-ready": "tells of the process",
    "status": "tells of the gateway as a whole; names no merchant",
}
