"""The rows of the rooms of money and of webhooks for a walk over the operators' pages."""

from collections.abc import Callable
from typing import Any

from merchants.models import Merchant
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import from_public, new_id
from payments.models import DoubtDecision, MoneyOp, Payment, ProviderEvent, Refund
from payments.tests.factories import make_payment, succeed
from settlements.models import (
    BankFile,
    FloatProof,
    Payout,
    PayoutBatch,
    PayoutDestination,
    ReconException,
    ReconRun,
    Settlement,
)
from settlements.tests.payouts import make_batch, make_destination, make_payout
from settlements.tests.recon import make_exception
from webhooks.models import Delivery, Endpoint, Event
from webhooks.tests.factories import make_delivery


def _once(model: type[Any], make: Callable[[Merchant], Any]) -> Callable[[Merchant], Any]:
    """The first there is, or a new one."""
    return lambda merchant: model.objects.order_by("pk").first() or make(merchant)


def _refund(merchant: Merchant) -> Refund:
    payment = make_payment(merchant)
    succeed(payment)
    return Refund.objects.create(
        payment=payment,
        merchant=merchant,
        mode="test",
        reference="REF20261121AAAAAA",
        amount=10_00,
        currency="KES",
        status="requires_approval",
        route="reversal",
        reason="Returned goods",
        held_from={},
        requested_by="usr_theirs",
        created_at=now(),
        version=1,
        id=new_id(),
    )


def _try_of_refund(merchant: Merchant) -> MoneyOp:
    refund = Refund.objects.order_by("pk").first() or _refund(merchant)
    return MoneyOp.objects.create(
        id=new_id(),
        refund=refund,
        merchant_id=refund.merchant_id,
        mode="test",
        provider="daraja",
        kind="reversal",
        amount=refund.amount,
        currency="KES",
        client_ref=f"{refund.reference}-1",
        status="created",
        checks=0,
        answered_checks=0,
        next_check=now(),
        created_at=now(),
    )


def _decision(merchant: Merchant) -> DoubtDecision:
    op = MoneyOp.objects.filter(kind="reversal").first() or _try_of_refund(merchant)
    return DoubtDecision.objects.create(
        op=op,
        merchant_id=op.merchant_id,
        mode="test",
        outcome="failed",
        note="Looked.",
        status="proposed",
        proposed_by="amina",
    )


def _claim(merchant: Merchant) -> ProviderEvent:
    return ProviderEvent.objects.create(
        provider="daraja", door="collect", mode="test", dedupe="walk", body=b"{}", status="quarantined"
    )


def _settlement(merchant: Merchant) -> Settlement:
    day = nairobi(now()).date()
    return Settlement.objects.create(
        id=new_id(), merchant=merchant, mode="test", currency="KES", day=day, status="open"
    )


def _run(merchant: Merchant) -> ReconRun:
    return ReconRun.objects.create(
        merchant=merchant, mode="live", account="daraja:600000", status="requires_approval", requested_by="usr_theirs"
    )


def _proof(merchant: Merchant) -> FloatProof:
    return FloatProof.objects.create(
        account="daraja:174379",
        mode="test",
        currency="KES",
        day=nairobi(now()).date(),
        ledger_balance=0,
        parts={},
        is_green=False,
        proved_at=now(),
    )


def _bank_file(merchant: Merchant) -> BankFile:
    return BankFile.objects.create(
        id=new_id(),
        route="bank",
        account="main",
        mode="test",
        day=nairobi(now()).date(),
        number=1,
        lines=1,
        amount=100_00,
        currency="KES",
        sha256="0" * 64,
        sealed="sealed",
        exported_by="amina",
        exported_at=now(),
    )


def _payout(merchant: Merchant) -> Payout:
    return Payout.objects.get(id=from_public("pyt", make_payout(merchant, "test", waits=True)))


def _batch(merchant: Merchant) -> PayoutBatch:
    return PayoutBatch.objects.get(id=from_public("bat", make_batch(merchant, "test")))


def _destination(merchant: Merchant) -> PayoutDestination:
    return PayoutDestination.objects.get(id=from_public("dst", make_destination(merchant, "test")))


def _delivered(model: type[Any], field: str) -> Callable[[Merchant], Any]:
    return lambda merchant: model.objects.get(pk=getattr(make_delivery(merchant), field))


ROWS_OF_MONEY: dict[str, Callable[[Merchant], Any]] = {
    "payments/doubtdecision": _once(DoubtDecision, _decision),
    "payments/moneyop": lambda merchant: MoneyOp.objects.filter(kind="reversal").first() or _try_of_refund(merchant),
    "payments/payment": _once(Payment, lambda merchant: make_payment(merchant, status="cancelled")),
    "payments/providerevent": _once(ProviderEvent, _claim),
    "payments/refund": _once(Refund, _refund),
    "settlements/bankfile": _once(BankFile, _bank_file),
    "settlements/floatproof": _once(FloatProof, _proof),
    "settlements/payout": lambda merchant: Payout.objects.filter(batch=None).first() or _payout(merchant),
    "settlements/payoutbatch": _once(PayoutBatch, _batch),
    "settlements/payoutdestination": _once(PayoutDestination, _destination),
    "settlements/reconexception": _once(ReconException, make_exception),
    "settlements/reconrun": _once(ReconRun, _run),
    "settlements/settlement": _once(Settlement, _settlement),
    "webhooks/delivery": _once(Delivery, make_delivery),
    "webhooks/endpoint": _once(Endpoint, _delivered(Endpoint, "endpoint_id")),
    "webhooks/event": _once(Event, _delivered(Event, "event_id")),
}
# Pages beside the usual; each asks for the right of its page.
VIEWS_OF_MONEY = {"settlements_settlement_csv", "settlements_settlement_pdf", "settlements_safeguarding"}
