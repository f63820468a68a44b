"""Finding one payment, by any reference it has. Always within one merchant and mode."""

from uuid import UUID

import orjson
from django.db import connection
from django.db.models import JSONField, QuerySet

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from payments.errors import payment_missing
from payments.models import Payment


def payments_of(caller: Caller) -> QuerySet[Payment]:
    return Payment.objects.scoped(caller.merchant_id, caller.mode)


# The most read row of all, so its statement is made once: building it anew by the ORM costs more than running it.
FIELDS = Payment._meta.concrete_fields
NAMES = [field.attname for field in FIELDS]
JSON_PLACES = [place for place, field in enumerate(FIELDS) if isinstance(field, JSONField)]
BY_ID = f"""SELECT {", ".join(str(field.column) for field in FIELDS)} FROM transactions
 WHERE id = %s AND merchant_id = %s AND mode = %s"""  # noqa: S608 - only our own columns are put in


def payment_by_id(caller: Caller, payment_id: UUID) -> Payment:
    """Raises NotFound, also for another merchant's or mode's payment."""
    with connection.cursor() as cursor:
        cursor.execute(BY_ID, [payment_id, caller.merchant_id, caller.mode])
        row = cursor.fetchone()
    if row is None:
        raise payment_missing()
    values = list(row)
    for place in JSON_PLACES:
        values[place] = None if values[place] is None else orjson.loads(values[place])
    return Payment.from_db("default", NAMES, values)


def payment_by_provider_reference(caller: Caller, reference: str) -> Payment:
    """By the checkout request id; raises NotFound."""
    if "\x00" in reference:
        # PostgreSQL takes no NUL in a text, so none has one.
        raise payment_missing()
    payment = payments_of(caller).filter(provider_reference=reference).first()
    if payment is None:
        raise payment_missing()
    return payment


# One statement: the kinds of reference in the order they are tried, the first kind with a hit wins.
BY_REFERENCE = """
SELECT t.* FROM transactions t JOIN (
  SELECT id, 1 AS rank FROM transactions WHERE merchant_id = %(m)s AND mode = %(mode)s AND reference = %(text)s
  UNION ALL SELECT id, 2 FROM transactions WHERE merchant_id = %(m)s AND mode = %(mode)s AND id = %(id)s
  UNION ALL SELECT id, 3 FROM transactions WHERE merchant_id = %(m)s AND mode = %(mode)s AND merchant_reference = %(text)s
  UNION ALL SELECT id, 4 FROM transactions WHERE merchant_id = %(m)s AND mode = %(mode)s AND provider_reference = %(text)s
  UNION ALL SELECT id, 5 FROM transactions WHERE merchant_id = %(m)s AND mode = %(mode)s AND receipt = %(text)s
) hit ON hit.id = t.id ORDER BY hit.rank, t.created_at DESC LIMIT 20
"""


def payment_by_any_reference(caller: Caller, text: str, *, method: str | None) -> Payment:
    """By gateway reference, id, merchant reference, checkout request id or receipt, in that order.

    Raises NotFound, and Problem reference_ambiguous with `candidates` when one kind names several payments.
    """
    try:
        key: UUID | None = from_public("pay", text)
    except PublicIdInvalid:
        key = None
    parameters = {"m": caller.merchant_id, "mode": caller.mode, "text": text, "id": key}
    hits = list(Payment.objects.raw(BY_REFERENCE, parameters))
    if not hits or (method is not None and hits[0].payment_method != method):
        raise payment_missing()
    same = [hit for hit in hits if hit.merchant_reference == text]
    if hits[0].merchant_reference == text and len(same) > 1:
        candidates = [to_public("pay", hit.id) for hit in same]
        raise Problem("reference_ambiguous", param="reference", extra={"candidates": candidates})
    return hits[0]
