"""Rows for tests: payments in any state, made through the product's own functions at a stand-in provider."""

from itertools import count
from typing import Any
from unittest import mock
from urllib.parse import urlsplit
from uuid import UUID

from merchants.models import Merchant
from merchants.permissions import ALL_SCOPES
from merchants.selectors.records import merchant_card
from merchants.services import provider_accounts
from onpoint_pay.kit.caller import TEST, Caller
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import from_public, new_id, to_public
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment
from payments.serializers.payments import InitiateSerializer
from payments.services.evidence import Answer
from payments.services.initiate import initiate_payment
from payments.services.outcome import apply_outcome
from payments.services.replay import Claim
from providers.base import Provider
from providers.errors import CallbackRejected, NotSupported, ProviderRejected, ProviderTimeout
from providers.mpesa import words
from providers.types import (
    CallbackEvent,
    Capability,
    ChargeRequest,
    Failure,
    InboundRequest,
    Outcome,
    OutcomeStatus,
    QueryRequest,
)

_numbers = count(1)
CLOSED = {"failed": words.PAYER_BALANCE, "cancelled": words.CANCELLED, "expired": words.EXPIRED}


def next_phone() -> str:
    """A payer of their own, who is none of the simulator's test phones."""
    return f"2547120{next(_numbers):05d}"


def next_receipt() -> str:
    return f"UKL{next(_numbers):07d}"


def caller_of(merchant: Merchant, *, mode: str = TEST) -> Caller:
    return Caller(
        merchant=merchant_card(merchant),
        mode=mode,
        actor=to_public("key", merchant.id),
        kind="secret",
        scopes=ALL_SCOPES,
    )


class Died(BaseException):
    """The process ended while it spoke to the provider."""


class StandInProvider(Provider):
    """Takes every prompt, or raises `error`; remembers what it was asked."""

    code = "daraja"
    capabilities = frozenset({Capability.CHARGE, Capability.QUERY})

    def __init__(self, *, error: BaseException | None = None, is_test: bool = True) -> None:
        self.error = error
        self.is_test = is_test
        self.charges: list[ChargeRequest] = []

    @property
    def float_name(self) -> str:
        return "174379"

    @property
    def is_simulated(self) -> bool:
        return self.is_test

    def charge(self, request: ChargeRequest) -> Outcome:
        self.charges.append(request)
        if self.error is not None:
            raise self.error
        checkout_id = f"ws_CO_2111202609300{next(_numbers):07d}"
        return Outcome(
            status=OutcomeStatus.PENDING,
            provider_reference=checkout_id,
            customer_message="Check your phone.",
            details={"checkout_request_id": checkout_id, "shortcode": "174379"},
        )

    def query(self, request: QueryRequest) -> Outcome:
        raise ProviderTimeout("nobody answers here")

    def parse_callback(self, inbound: InboundRequest) -> list[CallbackEvent]:
        raise NotSupported("nothing comes in at a stand-in")

    def authenticate_callback(self, inbound: InboundRequest) -> None:
        raise CallbackRejected("nothing comes in at a stand-in")


def make_payment(
    merchant: Merchant,
    *,
    status: str = "pending",
    mode: str = TEST,
    error: BaseException | None = None,
    claim: Claim | None = None,
    **request: Any,
) -> Payment:
    """A payment of KES 100 unless told otherwise. `door` on it is the path of its callback address.

    `status` may also be `reconciling` (the hand-over got no answer) and `refused` (the provider said no at once).
    """
    if status == "initiated":
        error = Died()
    elif status == "reconciling":
        error = ProviderTimeout("no answer")
    elif status == "refused":
        error = refusal()
    provider = StandInProvider(error=error, is_test=mode == TEST)
    payment = _initiate(caller_of(merchant, mode=mode), request, provider=provider, claim=claim)
    door = urlsplit(provider.charges[0].callback_url).path
    if status == "completed":
        succeed(payment)
    elif status in CLOSED:
        fail(payment, CLOSED[status])
    payment = Payment.objects.get(id=payment.id)
    payment.door = door  # type: ignore[attr-defined]
    return payment


def _initiate(caller: Caller, request: dict[str, Any], *, provider: StandInProvider, claim: Claim | None) -> Payment:
    body = {"amount": "100.00", "payment_method": "mpesa", "phone": next_phone()} | request
    serializer = InitiateSerializer(data=body)
    serializer.is_valid(raise_exception=True)
    before = set(Payment.objects.values_list("id", flat=True))
    with mock.patch.object(provider_accounts, "_provider", lambda code, mode: provider):
        try:
            initiate_payment(caller, serializer.validated_data, request_id="req_tests", claim=claim)
        except (Died, Problem):
            if not provider.charges:
                raise
    return Payment.objects.exclude(id__in=before).get()


def refusal(failure: Failure = words.PHONE_REFUSED) -> ProviderRejected:
    outcome = Outcome(
        status=OutcomeStatus.FAILED,
        failure=failure,
        provider_code="400.002.02",
        provider_message="Bad Request - Invalid PhoneNumber",
        raw=b'{"errorCode": "400.002.02"}',
    )
    return ProviderRejected(outcome)


def op_of(payment: Payment) -> MoneyOp:
    return MoneyOp.objects.filter(payment_id=payment.id).latest("id")


def answer(text: bytes = b"{}") -> Answer:
    """A piece of evidence of its own."""
    return Answer(door="query", body=text, dedupe=str(new_id()))


def succeed(payment: Payment, *, receipt: str | None = None, source: str = "query", **more: Any) -> str:
    """The provider says that the money came; what became of its word."""
    op = op_of(payment)
    outcome = Outcome(
        status=OutcomeStatus.SUCCEEDED,
        provider_reference=op.provider_ref,
        receipt=receipt or next_receipt(),
        money=more.pop("money", Money(op.amount, op.currency)),
        provider_code="0",
        **more,
    )
    return apply_outcome(op.id, outcome, evidence=answer(), source=source)


def fail(payment: Payment, failure: Failure = words.CANCELLED, *, source: str = "query") -> str:
    """The provider says that no money came; what became of its word."""
    op = op_of(payment)
    outcome = Outcome(
        status=OutcomeStatus.FAILED, provider_reference=op.provider_ref, failure=failure, provider_code="1032"
    )
    return apply_outcome(op.id, outcome, evidence=answer(), source=source)


def payment_of(public_id: str) -> Payment:
    return Payment.objects.get(id=key_of(public_id))


def key_of(public_id: str) -> UUID:
    return from_public("pay", public_id)
