"""The made book in the database, set by set: made, and not played."""

from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db import connection, models, transaction

from faults.statements.book import OPENING, Book, Paid
from merchants.models import ProviderAccount
from payments.models import MoneyOp, Payment, Refund
from settlements.models import Payout

BATCH = 500

STAGE = """
CREATE TEMP TABLE book_payment AS SELECT * FROM jsonb_to_recordset(%(payments)s::jsonb) AS r(
  id uuid, receipt text, amount bigint, at timestamptz, status text, mode text, phone text, account_reference text,
  refund text, refund_receipt text, refund_id uuid, n int);
CREATE TEMP TABLE book_payout AS SELECT * FROM jsonb_to_recordset(%(payouts)s::jsonb) AS r(
  id uuid, receipt text, amount bigint, at timestamptz, n int);
CREATE TEMP TABLE book_transfer (id uuid PRIMARY KEY, transfer_id uuid); ANALYZE book_payment; ANALYZE book_payout
"""

POST_CAPTURES = """
INSERT INTO book_transfer SELECT id, CASE WHEN status = 'completed' THEN ledger_post(
    'pay:' || id || ':capture', 'capture', %(merchant)s, 'KES', mode, ARRAY[
      (ledger_open_account(NULL, 'provider_float', %(account)s || ':' || lpad((n %% 16)::text, 2, '0'), 'KES', mode),
        'D', amount)::ledger_leg,
      (ledger_open_account(%(merchant)s, 'pending', '', 'KES', mode), 'C', amount)::ledger_leg], at) END
  FROM book_payment WHERE n BETWEEN %(first)s AND %(last)s
"""

PAYMENTS = """
INSERT INTO transactions SELECT r.* FROM book_payment b JOIN book_transfer t USING (id),
  jsonb_populate_record(NULL::transactions, %(template)s::jsonb || jsonb_build_object(
    'id', b.id, 'mode', b.mode, 'reference', 'TXN' || b.n || b.account_reference, 'merchant_reference', NULL,
    'account_reference', b.account_reference, 'amount', b.amount, 'fee', 0, 'tax', 0, 'receipt', b.receipt,
    'status', b.status, 'captured', CASE b.status WHEN 'completed' THEN b.amount ELSE 0 END, 'phone', b.phone,
    'refunded', CASE WHEN b.refund <> '' THEN b.amount ELSE 0 END, 'refund_held', 0,
    'capture_transfer_id', t.transfer_id, 'provider_reference', 'ws_CO_BOOK' || b.n, 'provider_account_id', %(place)s,
    'shortcode', %(shortcode)s, 'created_at', b.at, 'submitted_at', b.at, 'expires_at', b.at,
    'pending_reason', CASE b.status WHEN 'pending' THEN 'awaiting_customer' END,
    'completed_at', CASE b.status WHEN 'completed' THEN b.at END)) r
"""

OPS = """
INSERT INTO money_op SELECT r.* FROM book_payment b,
  jsonb_populate_record(NULL::money_op, %(template)s::jsonb || jsonb_build_object(
    'id', uuidv7(), 'payment_id', b.id, 'mode', b.mode, 'amount', b.amount, 'client_ref', 'op' || b.id,
    'token_hash', NULL, 'provider_ref', 'ws_CO_BOOK' || b.n, 'provider_account_id', %(place)s,
    'status', CASE b.status WHEN 'completed' THEN 'succeeded' WHEN 'pending' THEN 'accepted' ELSE 'failed' END,
    'next_check', CASE b.status WHEN 'pending' THEN now() + interval '1 day' END,
    'created_at', b.at, 'sent_at', b.at)) r
  WHERE b.receipt IS NULL
"""

REFUNDS = """
INSERT INTO refunds SELECT r.* FROM book_payment b,
  jsonb_populate_record(NULL::refunds, %(template)s::jsonb || jsonb_build_object(
    'id', b.refund_id, 'payment_id', b.id, 'merchant_id', %(merchant)s, 'mode', b.mode, 'reference', 'RFD' || b.n,
    'amount', b.amount, 'currency', 'KES', 'status', 'completed', 'route', b.refund, 'reason', 'Returned goods',
    'receipt', b.refund_receipt, 'held_from', jsonb_build_object('pending', b.amount), 'requested_by', 'book',
    'phone', b.phone, 'created_at', b.at, 'completed_at', b.at, 'version', 1)) r
  WHERE b.refund <> ''
"""

POST_REFUNDS = """
SELECT count(ledger_post('ref:' || b.refund_id || ':done', 'refund_done', %(merchant)s, 'KES', b.mode, ARRAY[
      (ledger_open_account(%(merchant)s, 'pending', '', 'KES', b.mode), 'D', b.amount)::ledger_leg,
      (ledger_open_account(NULL, 'provider_float', %(account)s || ':' || lpad((b.n %% 16)::text, 2, '0'), 'KES',
        b.mode), 'C', b.amount)::ledger_leg], b.at))
  FROM book_payment b WHERE b.refund <> '' AND b.n BETWEEN %(first)s AND %(last)s
"""

PAYOUTS = """
INSERT INTO payouts SELECT r.* FROM book_payout b,
  jsonb_populate_record(NULL::payouts, %(template)s::jsonb || jsonb_build_object(
    'id', b.id, 'merchant_id', %(merchant)s, 'mode', 'test', 'reference', 'PO' || b.n, 'amount', b.amount, 'fee', 0,
    'currency', 'KES', 'paid', b.amount, 'released', 0, 'given_back', 0, 'route', 'b2c', 'provider', %(provider)s,
    'destination', '{"type": "mpesa_phone"}'::jsonb, 'destination_sealed', '', 'provider_account_id', %(place)s,
    'paid_from', %(account)s, 'reason', 'Book', 'purpose', 'business', 'status', 'completed', 'receipt', b.receipt,
    'approval_reasons', '[]'::jsonb, 'makers', '[]'::jsonb, 'requested_by', 'book', 'created_at', b.at,
    'completed_at', b.at, 'version', 1)) r
"""

PAYOUT_OPS = """
INSERT INTO money_op SELECT r.* FROM book_payout b,
  jsonb_populate_record(NULL::money_op, %(template)s::jsonb || jsonb_build_object(
    'id', uuidv7(), 'payment_id', NULL, 'payout_id', b.id, 'part', 1, 'kind', 'b2c', 'mode', 'test',
    'amount', b.amount, 'client_ref', 'PO' || b.n || '-1-1', 'token_hash', NULL, 'provider_ref', 'AG_BOOK' || b.n,
    'provider_account_id', %(place)s, 'status', 'succeeded', 'receipt', b.receipt, 'next_check', NULL,
    'created_at', b.at, 'sent_at', b.at)) r
"""

POST_PAYOUTS = """
SELECT count(ledger_post('po:' || b.id || ':done', 'payout_done', %(merchant)s, 'KES', 'test', ARRAY[
      (ledger_open_account(%(merchant)s, 'pending', '', 'KES', 'test'), 'D', b.amount)::ledger_leg,
      (ledger_open_account(NULL, 'provider_float', %(account)s || ':' || lpad((b.n %% 16)::text, 2, '0'), 'KES',
        'test'), 'C', b.amount)::ledger_leg], b.at))
  FROM book_payout b
"""

# The operator's own money: the payouts of the book are not the merchant's alone.
CAPITAL = """
SELECT ledger_post('book:opening', 'capital', NULL, 'KES', 'test', ARRAY[
  (ledger_open_account(NULL, 'provider_float', %(account)s || ':00', 'KES', 'test'), 'D', %(opening)s)::ledger_leg,
  (ledger_open_account(NULL, 'capital', '', 'KES', 'test'), 'C', %(opening)s)::ledger_leg]);
"""


def store_book(book: Book, *, place: ProviderAccount, template: Payment) -> None:
    """Put the book into the database; `template` is a payment of the place whose other facts are copied.

    The guards of states sleep meanwhile: the book is made, and not played. Its money goes through the ledger's door.
    """
    values: dict[str, Any] = {
        "payments": orjson.dumps([_row(paid, n) for n, paid in enumerate(book.payments)]).decode(),
        "payouts": orjson.dumps(
            [
                {"id": sent.id, "receipt": sent.receipt, "amount": sent.amount, "at": sent.at, "n": n}
                for n, sent in enumerate(book.payouts)
            ]
        ).decode(),
        "merchant": place.merchant_id,
        "provider": place.provider,
        "account": f"{place.provider}:{place.shortcode}",
        "shortcode": place.shortcode,
        "place": place.id,
        "opening": OPENING,
    }
    with connection.cursor() as cursor:
        cursor.execute(STAGE, values)
        cursor.execute(CAPITAL, values)
        for first in range(0, len(book.payments), BATCH):
            # A balance that is moved thousands of times in one transaction grows slower with each.
            with transaction.atomic():
                part = {"first": first, "last": first + BATCH - 1}
                cursor.execute(POST_CAPTURES, values | part)
                cursor.execute(POST_REFUNDS, values | part)
        cursor.execute("SET statement_timeout = '300s'")
        cursor.execute(POST_PAYOUTS, values)
    _store_rows(values, template=template)


def _store_rows(values: dict[str, Any], *, template: Payment) -> None:
    op = MoneyOp.objects.filter(payment_id=template.id).latest("id")
    guarded = ("transactions", "money_op", "refunds", "payouts")
    with transaction.atomic(), connection.cursor() as cursor:
        for table in guarded:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(PAYMENTS, values | {"template": _json("transactions", template.id)})
        cursor.execute(OPS, values | {"template": _json("money_op", op.id)})
        cursor.execute(REFUNDS, values | {"template": _defaults(Refund)})
        cursor.execute(PAYOUTS, values | {"template": _defaults(Payout)})
        cursor.execute(PAYOUT_OPS, values | {"template": _json("money_op", op.id)})
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; DROP TABLE book_payment, book_payout, book_transfer")
        for table in guarded:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE; RESET statement_timeout")


def _row(paid: Paid, n: int) -> dict[str, Any]:
    return {
        "id": paid.id,
        "receipt": paid.receipt,
        "amount": paid.amount,
        "at": paid.at,
        "status": paid.status,
        "mode": paid.mode,
        "phone": paid.phone,
        "account_reference": paid.account_reference,
        "refund": paid.refund,
        "refund_receipt": paid.refund_receipt,
        "refund_id": uuid4() if paid.refund else None,
        "n": n,
    }


def _json(table: str, key: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t WHERE id = %s", [key])  # noqa: S608 - our own constants
        return str(cursor.fetchone()[0])


def _defaults(model: type[models.Model]) -> str:
    return orjson.dumps({field.column: None for field in model._meta.concrete_fields}).decode()
