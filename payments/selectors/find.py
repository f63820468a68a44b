"""Finding one payment, by any reference it has. Always within one merchant and mode."""

from uuid import UUID

import orjson
from django.db import connection
from django.db.models import JSONField, QuerySet

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from payments.errors import payment_missing
from payments.models import BulkLine, BulkRun, Payment
from payments.selectors.settled import with_settlement


def payments_of(caller: Caller) -> QuerySet[Payment]:
    return Payment.objects.scoped(caller.merchant_id, caller.mode)


# The most read row of all, so its statement is made once: building it anew by the ORM costs more than running it.
FIELDS = Payment._meta.concrete_fields
NAMES = [field.attname for field in FIELDS]
PROVIDERS = ("daraja",)
JSON_PLACES = [place for place, field in enumerate(FIELDS) if isinstance(field, JSONField)]
SETTLED = "(SELECT settlement_id FROM settlement_line WHERE transfer_id = capture_transfer_id) AS settlement_id"
BY_ID = f"""SELECT {", ".join(str(field.column) for field in FIELDS)}, {SETTLED} FROM transactions
 WHERE id = %s AND merchant_id = %s AND mode = %s"""  # noqa: S608 - only our own columns are put in


def payment_by_id(caller: Caller, payment_id: UUID) -> Payment:
    """Raises NotFound, also for another merchant's or mode's payment."""
    with connection.cursor() as cursor:
        cursor.execute(BY_ID, [payment_id, caller.merchant_id, caller.mode])
        row = cursor.fetchone()
    if row is None:
        raise payment_missing()
    *values, settlement_id = row
    for place in JSON_PLACES:
        values[place] = None if values[place] is None else orjson.loads(values[place])
    payment = Payment.from_db("default", NAMES, values)
    payment.settlement_id = settlement_id
    return payment


def bulk_run_by_id(caller: Caller, run_id: UUID) -> BulkRun:
    """Raises NotFound, also for another merchant's or mode's run."""
    run: BulkRun | None = BulkRun.objects.scoped(caller.merchant_id, caller.mode).filter(id=run_id).first()
    if run is None:
        raise NotFound()
    return run


def lines_of(run: BulkRun) -> tuple[list[BulkLine], dict[UUID, Payment]]:
    """The run's lines in their order, and the payments they have become, by key."""
    lines = list(BulkLine.objects.filter(run_id=run.id).order_by("n"))
    made = Payment.objects.scoped(run.merchant_id, run.mode).in_bulk(
        [line.payment_id for line in lines if line.payment_id is not None]
    )
    return lines, made


def payment_by_provider_reference(caller: Caller, reference: str) -> Payment:
    """By the checkout request id; raises NotFound."""
    if "\x00" in reference:
        # PostgreSQL takes no NUL in a text, so none has one.
        raise payment_missing()
    payment = payments_of(caller).filter(provider_reference=reference).order_by("surplus", "id").first()
    payment = payment or _payment_of_attempt(caller, reference)
    if payment is None:
        raise payment_missing()
    return with_settlement(payment)


def _payment_of_attempt(caller: Caller, reference: str) -> Payment | None:
    """By the checkout request id of an earlier attempt, which the payment itself shows no more."""
    named = payments_of(caller).filter(ops__provider_ref=reference, ops__kind="charge", ops__mode=caller.mode)
    # The index begins with the provider.
    return named.filter(ops__provider__in=PROVIDERS).first()


# One statement: the kinds of reference in the order they are tried, the first kind with a hit wins.
BY_REFERENCE = f"""
SELECT t.*, {SETTLED} FROM transactions t JOIN (
  SELECT id, 1 AS rank FROM transactions WHERE merchant_id = %(m)s AND mode = %(mode)s AND reference = %(text)s
  UNION ALL SELECT id, 2 FROM transactions WHERE merchant_id = %(m)s AND mode = %(mode)s AND id = %(id)s
  UNION ALL SELECT id, 3 FROM transactions WHERE merchant_id = %(m)s AND mode = %(mode)s AND merchant_reference = %(text)s
  UNION ALL SELECT id, 4 FROM transactions WHERE merchant_id = %(m)s AND mode = %(mode)s AND provider_reference = %(text)s
  UNION ALL SELECT id, 5 FROM transactions WHERE merchant_id = %(m)s AND mode = %(mode)s AND receipt = %(text)s
) hit ON hit.id = t.id ORDER BY hit.rank, t.surplus, t.created_at DESC LIMIT 20
"""  # noqa: S608 - only our own words are put in


def payment_by_any_reference(caller: Caller, text: str, *, method: str | None) -> Payment:
    """By gateway reference, id, merchant reference, checkout request id or receipt, in that order.

    Of an order that was paid twice the payment itself is found, not the surplus one. Raises NotFound, and Problem
    reference_ambiguous with `candidates` when one kind names several payments.
    """
    try:
        key: UUID | None = from_public("pay", text)
    except PublicIdInvalid:
        key = None
    parameters = {"m": caller.merchant_id, "mode": caller.mode, "text": text, "id": key}
    hits = list(Payment.objects.raw(BY_REFERENCE, parameters)) or [
        with_settlement(payment) for payment in [_payment_of_attempt(caller, text)] if payment is not None
    ]
    if not hits or (method is not None and hits[0].payment_method != method):
        raise payment_missing()
    same = [hit for hit in hits if hit.merchant_reference == text and hit.surplus == hits[0].surplus]
    if hits[0].merchant_reference == text and len(same) > 1:
        candidates = [to_public("pay", hit.id) for hit in same]
        raise Problem("reference_ambiguous", param="reference", extra={"candidates": candidates})
    return hits[0]
