"""Every route under /api/v1/ and what a stranger could ask of it: a table that must name each route of the URL map."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from unittest import mock
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver

from merchants.models import Membership, Merchant, ProviderAccount
from merchants.services import provider_accounts
from merchants.tests.accounts import make_account
from merchants.tests.factories import make_member, proven_session
from merchants.tests.kyc import make_document
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import from_public, new_id, to_public
from onpoint_pay.kit.money import Money
from payments.models import Payment
from payments.services.bulk import start_bulk
from payments.services.refunds import ask_refund
from payments.tests.c2b import make_c2b_account, make_claim, make_receipt
from payments.tests.factories import caller_of, make_payment, next_phone
from settlements.chart import Leg
from settlements.models import Export, LedgerAccount, LedgerEntry, Settlement
from settlements.serializers.exports import token_of
from settlements.services.export_files import write_file
from settlements.services.exports import ask_export, finish_export, path_of
from settlements.tests.base import post
from settlements.tests.payouts import make_batch, make_destination, make_payout
from settlements.tests.recon import make_exception, make_line, make_run
from tests.outsider_cases import Case, ListCase, NamedInBodyCase, ObjectCase
from tests.outsiders_audit import AUDIT_CASES, AUDIT_WITHOUT_NAMES
from tests.outsiders_keys import KEY_CASES, KEYS_WITHOUT_NAMES
from tests.outsiders_team import TEAM_CASES
from webhooks.models import Event, Notice
from webhooks.services.recovery import start_recovery
from webhooks.tests.factories import make_delivery, make_endpoint, publish

PREFIX = "api/v1/"
_shortcodes = count(1)
_days = (date(2026, 1, 1) + timedelta(days=number) for number in count())
_sequences = count(1)


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
    own = make_account(merchant, mode=mode, shortcode=f"6{next(_shortcodes):05d}")
    # A stand-in answers for the provider, as it does for payments to the platform's account.
    with mock.patch.object(provider_accounts, "_build", lambda row: None):
        made = make_payment(merchant, mode=mode, status="completed", reference=f"ORDER-{new_id().hex}")
    provider_accounts._built.pop(own.id)
    ProviderAccount.objects.filter(id=own.id).update(is_default=False)
    return made


def refundable_names(merchant: Merchant, mode: str) -> list[str]:
    made = refundable(merchant, mode)
    names = [made.reference, made.merchant_reference, made.provider_reference, made.receipt, to_public("pay", made.id)]
    return [str(name) for name in names]


def refund(merchant: Merchant, mode: str) -> str:
    asked = {"reference": refundable(merchant, mode).reference, "reason": "Returned"}
    return to_public("ref", ask_refund(caller_of(merchant, mode=mode), asked, request_id="req_tests").id)


def waiting_refund(merchant: Merchant, mode: str) -> str:
    """Above the merchant's limit, and so not on its way yet."""
    Merchant.objects.filter(id=merchant.id).update(refund_approval_above=0)
    made = refund(merchant, mode)
    Merchant.objects.filter(id=merchant.id).update(refund_approval_above=None)
    return made


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


def member(merchant: Merchant, mode: str) -> str:
    return Membership.objects.get(user=make_member(merchant, "viewer"), merchant=merchant).public_id


def session(merchant: Merchant, mode: str) -> str:
    return proven_session(make_member(merchant))


def kyc_document(merchant: Merchant, mode: str) -> str:
    return make_document(merchant).public_id


def account(merchant: Merchant, mode: str) -> str:
    """One that serves nobody, so that the platform's still takes the payments of these tests."""
    return make_account(merchant, mode=mode, shortcode=f"6{next(_shortcodes):05d}", is_default=False).public_id


def settlement(merchant: Merchant, mode: str) -> str:
    row = Settlement.objects.create(merchant=merchant, mode=mode, currency="KES", day=next(_days), status="open")
    return to_public("stl", row.id)


def recon_exception(merchant: Merchant, mode: str) -> str:
    return to_public("rcx", make_exception(merchant, mode).id)


def recon_run(merchant: Merchant, mode: str) -> str:
    return to_public("rec", make_run(merchant, mode).id)


def recon_item(merchant: Merchant, mode: str) -> str:
    """A line of a statement of a shortcode of the merchant's own."""
    return to_public("rcl", UUID(int=make_line(f"daraja:{shop_of(merchant, mode).shortcode}", mode).pk))


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


def ledger_transfer(merchant: Merchant, mode: str) -> str:
    key = make_payment(merchant, mode=mode, status="completed").capture_transfer_id
    assert key is not None  # noqa: S101 - paid
    return to_public("trf", key)


def ledger_entry(merchant: Merchant, mode: str) -> str:
    """A line on an account of the merchant's own."""
    transfer = from_public("trf", ledger_transfer(merchant, mode))
    line = LedgerEntry.objects.filter(transfer_id=transfer, account__merchant=merchant).latest("id")
    return to_public("ent", UUID(int=line.pk))


def ledger_account(merchant: Merchant, mode: str) -> str:
    """A row of its own each time, as a sub-account has."""
    legs = [
        Leg(kind="bank", side="D", amount=100, sub="outsiders"),
        Leg(kind="pending", side="C", amount=100, sub=new_id().hex),
    ]
    post(merchant, legs, mode=mode)
    return to_public("led", UUID(int=LedgerAccount.objects.filter(merchant=merchant, mode=mode).latest("id").pk))


def export(merchant: Merchant, mode: str) -> str:
    asked = {"type": "payments", "format": "csv", "filters": {}, "request_id": "req_tests"}
    return to_public("exp", ask_export(caller_of(merchant, mode=mode), **asked).id)


def export_file(merchant: Merchant, mode: str) -> str:
    """What the link of a file ends in."""
    row = Export.objects.get(id=from_public("exp", export(merchant, mode)))
    finish_export(row, write_file(path_of(row), [], format="csv", columns=["id"]))
    row.refresh_from_db()
    return token_of(row)


def nothing(prefix: str) -> Callable[[], str]:
    return lambda: to_public(prefix, new_id())


def no_number(prefix: str) -> Callable[[], str]:
    """For objects with short numbers: one that is far from being given."""
    return lambda: to_public(prefix, UUID(int=2**62 + next(_sequences)))


PAYMENT = ObjectCase(make=payment, nonsense=nothing("pay"))
ENDPOINT = ObjectCase(make=endpoint, nonsense=nothing("whe"), bodies={"patch": {"description": "mine now"}})
RECOVER_ALL = {"post": {"since": "2026-01-01T00:00:00Z"}}
DELIVERY = ObjectCase(make=delivery, nonsense=no_number("whd"))
ACCOUNT = ObjectCase(make=account, nonsense=nothing("prv"), bodies={"patch": {"name": "mine now"}}, in_person=True)
REFUND = ObjectCase(make=refund, nonsense=nothing("ref"))
C2B_ACCOUNT = ObjectCase(make=c2b_account, nonsense=nothing("acc"), bodies={"patch": {"name": "mine now"}})
PAYOUT = ObjectCase(make=make_payout, nonsense=nothing("pyt"))
WAITING_PAYOUT = replace(PAYOUT, make=lambda merchant, mode: make_payout(merchant, mode, waits=True))
BATCH = ObjectCase(make=make_batch, nonsense=nothing("bat"))
KYC_DOCUMENT = ObjectCase(make=kyc_document, nonsense=nothing("doc"), in_person=True, both_modes=True)
PAYMENTS = ListCase(make=payment, filters=lambda name: {"status": "completed"})

CASES: dict[str, Case] = {
    "payment": PAYMENT,
    "settlements": ListCase(make=settlement, filters=lambda name: {"status": "open"}),
    "settlement": ObjectCase(make=settlement, nonsense=nothing("stl")),
    "settlement-own-statement": ObjectCase(make=settlement, nonsense=nothing("stl")),
    "settlement-items": ObjectCase(make=settlement, nonsense=nothing("stl")),
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
    "refund-approve": replace(REFUND, make=waiting_refund, in_person=True),
    "refund-cancel": replace(REFUND, make=waiting_refund),
    "refunds": ListCase(make=refund, filters=lambda name: {"status": "pending"}),
    "payout": PAYOUT,
    "payout-approve": replace(WAITING_PAYOUT, in_person=True),
    "payout-reject": replace(WAITING_PAYOUT, in_person=True),
    "payout-cancel": WAITING_PAYOUT,
    # What is on its way is not asked for again, as its owner is told.
    "payout-retry": replace(PAYOUT, told=(409,)),
    "payouts": ListCase(make=make_payout, filters=lambda name: {"status": "pending"}),
    "payout-batch": BATCH,
    "payout-batch-approve": replace(BATCH, in_person=True),
    "payout-batch-reject": replace(BATCH, in_person=True),
    "payout-batch-cancel": BATCH,
    "payout-batches": ListCase(make=make_batch, filters=lambda name: {"status": "requires_approval"}),
    # A key sees destinations and is told that only people change them.
    "payout-destination": ObjectCase(
        make=make_destination, nonsense=nothing("dst"), bodies={"patch": {"label": "mine now"}}, told=(403,)
    ),
    "payout-destinations": ListCase(make=make_destination, filters=lambda name: {"type": "bank"}),
    "settlement-accounts": ListCase(make=make_destination, filters=lambda name: {"type": "bank"}),
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
    "export": ObjectCase(make=export, nonsense=nothing("exp")),
    "exports": ListCase(make=export, filters=lambda name: {"type": "payments"}),
    # Signed, so that only its owner reads it, and only for a day: rightly signed, of an export that never was.
    "export-file": ObjectCase(
        make=export_file, nonsense=lambda: token_of(Export(id=new_id(), expires_at=now() + timedelta(hours=1)))
    ),
    "reconciliation-exceptions": ListCase(make=recon_exception, filters=lambda name: {"kind": "missing_here"}),
    "reconciliation-runs": ListCase(make=recon_run, filters=lambda name: {"status": "completed"}, in_person=True),
    "reconciliation-run": ObjectCase(make=recon_run, nonsense=nothing("rec"), in_person=True),
    "reconciliation-items": ListCase(make=recon_item, filters=lambda name: {"direction": "in"}, in_person=True),
    "ledger-transfer": ObjectCase(make=ledger_transfer, nonsense=nothing("trf")),
    "ledger-entries": ListCase(make=ledger_entry, filters=lambda name: {"kind": "pending"}),
    "ledger-accounts": ListCase(make=ledger_account, filters=lambda name: {"kind": "pending"}),
    "team": ListCase(make=member, in_person=True, both_modes=True),
    "team-member": ObjectCase(
        make=member, nonsense=no_number("mbr"), bodies={"patch": {"role": "support"}}, in_person=True, both_modes=True
    ),
    # A colleague at the same merchant is a stranger to it too.
    "session": ObjectCase(make=session, nonsense=nothing("ses"), in_person=True, told=(404,), both_modes=True),
    "kyc-document": KYC_DOCUMENT,
    "kyc-document-file": KYC_DOCUMENT,
    "kyc-documents": ListCase(
        make=kyc_document, filters=lambda name: {"status": "uploaded"}, in_person=True, both_modes=True
    ),
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
    **AUDIT_CASES,
    **KEY_CASES,
    **TEAM_CASES,
}

# These take no name of anything and show nothing of a merchant, or only of the caller's own; each with its reason.
NO_MERCHANT_DATA: dict[str, str] = {
    **AUDIT_WITHOUT_NAMES,
    **KEYS_WITHOUT_NAMES,
    "payment-initiate": "makes the caller's own; a test of its own shows that references of others are not seen",
    "payment-bulk": "makes the caller's own payments, each as payment-initiate does",
    "settlement-statement": "takes no name: always the caller's own books; tested on its own",
    "settlement-run": "takes no name: settles the caller's own merchant; tested on its own",
    "merchant-fees": "takes no name: always the caller's merchant; tested on its own",
    "merchant": "takes no name: always the caller's merchant; tested on its own",
    "merchant-limits": "takes no name: always the caller's merchant and mode; tested on its own",
    "kyc": "takes no name: always the caller's merchant; tested on its own",
    "kyc-submit": "takes no name: always the caller's own documents; tested on its own",
    "rotate-webhook-secret": "takes no name: always the caller's merchant; tested on its own",
    "report-payments": "takes no name: the caller's own figures; tested on its own",
    "report-failures": "takes no name: the caller's own figures; tested on its own",
    "report-refunds": "takes no name: the caller's own figures; tested on its own",
    "report-payouts": "takes no name: the caller's own figures; tested on its own",
    "balance": "takes no name: the caller's own balances; tested on its own",
    "test-balance": "takes no name: adds to the caller's own test balance; tested on its own",
    "ledger-verify": "takes no name: the caller's own accounts; tested on its own",
    "c2b-register-urls": "takes no name: always the account that serves the caller; tested on its own",
    "profile": "takes no name: the signed-in person's own account",
    "sessions": "takes no name: the signed-in person's own sessions; tested on its own",
    "password-change": "takes no name: the signed-in person's own password",
    "verify-email-resend": "takes no name: mails the signed-in person",
    "step-up": "takes no name: proves the session that asks, and no other; tested on its own",
    "two-factor-setup": "takes no name: the signed-in person's own second factor",
    "two-factor-enable": "takes no name: the signed-in person's own second factor",
    "two-factor-disable": "takes no name: the signed-in person's own second factor",
    "two-factor-recovery-codes": "takes no name: the signed-in person's own second factor",
    "two-factor-verify": "proven by the challenge and a code",
    "verify-email": "proven by the mailed token itself",
    "email-change": "takes no name: the signed-in person's own address",
    "email-confirm": "proven by the mailed token itself",
    "password-forgot": "before anybody is known; answers the same for every address",
    "password-reset": "proven by the mailed token itself",
    "invitation-accept": "proven by the mailed token itself",
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
