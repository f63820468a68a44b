"""Money that came a second time for one payment: it becomes a payment of its own, owed back to the payer."""

from datetime import datetime
from typing import Any

from onpoint_pay.kit.ids import new_id, new_reference, random_letters
from payments.models import C2bReceipt, MoneyOp, Payment, ProviderEvent
from payments.services.c2b_ops import make_op
from payments.services.c2b_suspense import BY_RECEIPT, MATCHED, received_as
from payments.services.evidence import APPLIED, DUPLICATE
from payments.services.intent import ACCOUNT_LETTERS, NOTHING_YET
from payments.states import OP_SUCCEEDED, PAID
from providers.types import Outcome

PAID_TWICE = "paid_twice"
# Where the provider speaks about a prompt itself: its result, and its answer when it is asked.
RESULTS, ANSWERS = "collect", "query"
# What both payments have in common. The merchant's reference stays, so that they know which order was paid twice.
SHARED = (
    "merchant_id",
    "mode",
    "merchant_reference",
    "shown_reference",
    "amount",
    "currency",
    "fee",
    "payment_method",
    "channel",
    "provider",
    "provider_account_id",
    "shortcode",
    "simulated",
    "phone",
    "phone_hash",
    "payer_name",
    "email",
    "description",
    "language",
    "metadata",
    "callback_url",
    "callback_endpoint",
    "request_id",
)


def make_surplus(payment: Payment, *, at: datetime) -> Payment:
    """The stored row of a surplus payment, initiated, for the amount of `payment`; it holds no merchant's reference.

    Raises IntegrityError when the drawn references are taken: the whole unit is then done again with others.
    """
    shared: dict[str, Any] = {name: getattr(payment, name) for name in SHARED}
    own = {
        "id": new_id(),
        "reference": new_reference("TXN", at),
        "account_reference": random_letters(ACCOUNT_LETTERS),
        "reference_policy": "any",
        "surplus": True,
        "created_by": "system",
        "created_at": at,
        "expires_at": at,
    }
    surplus: Payment = Payment.objects.create(**(shared | NOTHING_YET | own))
    return surplus


def is_other_money(paid: Payment, receipt: str | None) -> bool:
    """Whether a success of another attempt is other money than what `paid` has.

    Told by the receipts, or by each attempt having been confirmed by a word about itself: a prompt's result, or the
    answer to a question about it. Money that was announced by itself may be any attempt's.
    """
    if receipt and paid.receipt:
        return receipt != paid.receipt
    is_about_its_prompt = paid.evidence is not None and paid.evidence.door in ("collect", "query")
    return is_about_its_prompt and paid.confirmed_by in ("callback", "query")


def surplus_without_receipt(payment: Payment) -> Payment | None:
    """The money of another attempt of `payment` that was found paid by asking, and whose receipt is still missed."""
    rows = MoneyOp.objects.filter(
        payment_id=payment.id, surplus_payment__status__in=PAID, surplus_payment__receipt__isnull=True
    )
    op = rows.select_related("surplus_payment").order_by("id").first()
    return None if op is None else op.surplus_payment


def money_beside(op: MoneyOp, payment: Payment, outcome: Outcome) -> C2bReceipt | None:
    """The money that came by itself and was taken for that of a prompt which was paid as well, with other money.

    So it is when the prompt's own first result names a receipt, and the payment has another one by what was typed.
    A person's choice stays, and whatever may be the money of a word about a prompt that named no receipt.
    """
    is_given = op.kind == "charge" and op.status == OP_SUCCEEDED and op.surplus_payment_id is None
    is_result = outcome.provider_reference is not None and op.provider_ref in (None, outcome.provider_reference)
    if not (is_given and is_result and outcome.receipt) or payment.receipt in (None, outcome.receipt):
        return None
    row = received_as(payment.provider, payment.mode, str(payment.receipt))
    if row is None or (row.state, row.payment_id, row.decided_by) != (MATCHED, payment.id, "system"):
        return None
    is_told = row.rule == BY_RECEIPT.rule or _has_word(op) or surplus_without_receipt(payment) is not None
    return None if is_told else row


def move_to_own_try(row: C2bReceipt, payment: Payment, *, evidence: ProviderEvent) -> None:
    """What paid `payment` was a try of the payer's own and not the prompt; `evidence` is the result that told us so."""
    op = make_op(row, payment)
    op.status, op.evidence, op.last_answer_at = OP_SUCCEEDED, evidence, row.received_at
    op.save(update_fields=["status", "evidence", "last_answer_at"])


def _has_word(op: MoneyOp) -> bool:
    """A result of the prompt was applied before, or the prompt was found paid by asking."""
    heard = ProviderEvent.objects.filter(op_id=op.id, status__in=(APPLIED, DUPLICATE))
    is_asked = op.evidence is not None and op.evidence.door == ANSWERS
    return is_asked or heard.filter(door__startswith=RESULTS).exists()
