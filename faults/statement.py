"""A statement of tens of thousands of lines against a made book, with breaks of every kind planted among them."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db import connection, transaction

from merchants.models import ProviderAccount
from onpoint_pay.kit.clock import nairobi
from onpoint_pay.kit.ids import ALPHABET
from payments.models import MoneyOp, Payment, Refund
from settlements.models import ReconException

KINDS = (
    "missing_here",
    "missing_there",
    "amount_differs",
    "duplicate_there",
    "state_differs",
    "late_success",
    "overpaid",
    "unknown_charge",
    "returned_payout",
    "mode_differs",
    "unparsable",
    "balance_gap",
)
COLUMNS = (
    "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,"
    "Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No."
)
OPENING = 1_000_000_00
PHONE = "254712345678"
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many lines the statement has, about, how many breaks are planted among them, and the seed of both."""

    lines: int
    breaks: int
    seed: int = 1


@dataclass(slots=True, kw_only=True)
class Paid:
    """One payment of the book. Amounts in minor units. `status` is its state, `mode` the book it is in."""

    receipt: str | None
    amount: int
    at: datetime
    status: str = "completed"
    mode: str = "test"
    id: UUID = field(default_factory=uuid4)
    account_reference: str = ""
    refund_receipt: str = ""


@dataclass(slots=True)
class Book:
    """What the run is judged by: the statement's rows, the payments behind them, and the breaks by kind and name."""

    plan: Plan
    start: datetime
    shortcode: str
    rows: list[str] = field(default_factory=list)
    payments: list[Paid] = field(default_factory=list)
    breaks: list[tuple[str, str]] = field(default_factory=list)
    balance: int = OPENING

    def file(self) -> bytes:
        """The statement, in the words of M-Pesa's portal."""
        end = self.start + timedelta(days=3, seconds=-1)
        head = (
            f"Organization Name:,ONPOINT DEMO,Short Code:,{self.shortcode}",
            f"Time Period:,From {_stamp(self.start)} To {_stamp(end)}",
            f"Opening Balance:,{_units(OPENING)},Closing Balance:,{_units(self.balance)}",
            COLUMNS,
        )
        return "\n".join([*head, *self.rows]).encode() + b"\n"


# --- writing ----------------------------------------------------------------------------------------------------------


def write_book(plan: Plan, *, shortcode: str, start: datetime) -> Book:
    """Draw the payments and their statement; every `lines / breaks` lines one break, the kinds in turn."""
    draw = random.Random(plan.seed)  # noqa: S311
    book = Book(plan=plan, start=start, shortcode=shortcode)
    every = max(plan.lines // plan.breaks, 10)
    writer = _Writer(book, draw)
    while len(book.rows) < plan.lines:
        is_due = (len(book.rows) + every // 2) // every > len(book.breaks)
        if is_due and len(book.breaks) < plan.breaks:
            kind = KINDS[len(book.breaks) % len(KINDS)]
            getattr(writer, kind)()
        else:
            writer.ordinary()
    return book


class _Writer:
    """Each method writes one case: its line or lines, its payment, and the break it is."""

    def __init__(self, book: Book, draw: random.Random) -> None:
        self.book, self.draw, self.codes = book, draw, 0
        self.last: list[Paid] = []
        self.last_refund: Paid | None = None

    # --- what fits ----------------------------------------------------------------------------------------------------

    def ordinary(self) -> None:
        chance = self.draw.random()
        if chance < 0.01:
            self._nameless()
        elif chance < 0.06:
            self._refunded()
        else:
            self._plain(charge=chance > 0.89)

    def _plain(self, *, charge: bool = False) -> Paid:
        paid = self._payment()
        self._line(paid.receipt or "", paid.amount, ref=paid.account_reference)
        if charge:
            self._line(paid.receipt or "", -self.draw.randint(1, 30) * 100, reason="Pay Bill Charge")
        self.last = [*self.last[-9:], paid]
        return paid

    def _nameless(self) -> None:
        """Found paid by asking: the receipt is learned from the statement."""
        paid = self._payment(receipt=None)
        self._line(self._code(), paid.amount, ref=paid.account_reference)

    def _refunded(self) -> None:
        paid = self._plain()
        paid.refund_receipt = self._code()
        self._line(paid.refund_receipt, -paid.amount, reason="Business Payment to Customer")
        self.last_refund = paid
        self.last.remove(paid)

    # --- what does not ------------------------------------------------------------------------------------------------

    def missing_here(self) -> None:
        code = self._code()
        self._line(code, self._amount(), ref=f"NOBODY{self.codes % 1000}")
        self._broken("missing_here", code)

    def missing_there(self) -> None:
        self._broken("missing_there", self._payment().receipt or "")

    def amount_differs(self) -> None:
        paid = self._payment()
        self._line(paid.receipt or "", paid.amount + 100 * self.draw.choice((-1, 1)), ref=paid.account_reference)
        self._broken("amount_differs", paid.receipt or "")

    def duplicate_there(self) -> None:
        paid = self._plain()
        self._line(paid.receipt or "", paid.amount, ref=paid.account_reference)
        self._broken("duplicate_there", paid.receipt or "")

    def state_differs(self) -> None:
        self._unpaid("pending", "state_differs")

    def late_success(self) -> None:
        self._unpaid("failed", "late_success")

    def _unpaid(self, status: str, kind: str) -> None:
        paid, code = self._payment(receipt=None, status=status), self._code()
        self._line(code, paid.amount, ref=paid.account_reference)
        self._broken(kind, code)

    def overpaid(self) -> None:
        paid, code = self.draw.choice(self.last), self._code()
        self._line(code, paid.amount, ref=paid.account_reference)
        self._broken("overpaid", code)

    def unknown_charge(self) -> None:
        code = self._code()
        self._line(code, -self.draw.randint(1, 30) * 100, reason="Organization Account Charge")
        self._broken("unknown_charge", code)

    def returned_payout(self) -> None:
        if self.last_refund is None:
            self._refunded()
        assert self.last_refund is not None  # noqa: S101 - made above
        code, refund, self.last_refund = self._code(), self.last_refund, None
        words = "Reversal of Business Payment"
        self._line(code, refund.amount, reason=words, linked=refund.refund_receipt)
        self._broken("returned_payout", code)

    def mode_differs(self) -> None:
        paid = self._payment(mode="live")
        self._line(paid.receipt or "", paid.amount)
        self._broken("mode_differs", paid.receipt or "")

    def unparsable(self) -> None:
        paid = self._plain()
        self.book.rows[-1] = self.book.rows[-1].replace(
            f",{_units(paid.amount)},", f",{_units(paid.amount)[:-2]}OO,", 1
        )
        self._broken("unparsable", paid.receipt or "")

    def balance_gap(self) -> None:
        """A movement that the file leaves out; the line after it shows it."""
        self.book.balance += self._amount()
        self._broken("balance_gap", self._plain().receipt or "")

    # --- the parts ----------------------------------------------------------------------------------------------------

    def _broken(self, kind: str, name: str) -> None:
        self.book.breaks.append((kind, name))

    def _payment(self, receipt: str | None = "", **more: Any) -> Paid:
        paid = Paid(
            receipt=self._code() if receipt == "" else receipt,
            amount=self._amount(),
            at=self._moment(),
            account_reference="".join(self.draw.choices(ALPHABET, k=10)),
            **more,
        )
        self.book.payments.append(paid)
        return paid

    def _amount(self) -> int:
        return self.draw.randint(10, 5000) * 100

    def _code(self) -> str:
        self.codes += 1
        return f"UKT{self.codes:07d}"

    def _moment(self) -> datetime:
        step = 80_000 / max(self.book.plan.lines, 1)
        return self.book.start + timedelta(hours=1, seconds=int(len(self.book.rows) * step))

    def _line(
        self, code: str, amount: int, *, reason: str = "Pay Bill Online", ref: str = "", linked: str = ""
    ) -> None:
        self.book.balance += amount
        stamp = _stamp(self._moment())
        came, went = (_units(amount), "") if amount > 0 else ("", f"-{_units(-amount)}")
        party = f"{PHONE} - AMINA OTIENO"
        cells = [code, stamp, stamp, reason, "Completed", came, went, _units(self.book.balance), "true", reason, party]
        self.book.rows.append(",".join([*cells, linked, ref]))


def _stamp(moment: datetime) -> str:
    return f"{nairobi(moment):%d-%m-%Y %H:%M:%S}"


def _units(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


# --- the book in the database -----------------------------------------------------------------------------------------

STAGE = """
CREATE TEMP TABLE book_payment AS SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(
  id uuid, receipt text, amount bigint, at timestamptz, status text, mode text, account_reference text,
  refund_receipt text, refund uuid, n int);
CREATE TEMP TABLE book_transfer (id uuid PRIMARY KEY, transfer_id uuid); ANALYZE book_payment
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
    'status', b.status, 'captured', CASE b.status WHEN 'completed' THEN b.amount ELSE 0 END,
    'refunded', CASE WHEN b.refund_receipt <> '' THEN b.amount ELSE 0 END, 'refund_held', 0,
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
    'id', b.refund, 'payment_id', b.id, 'merchant_id', %(merchant)s, 'mode', b.mode, 'reference', 'RFD' || b.n,
    'amount', b.amount, 'currency', 'KES', 'status', 'completed', 'route', 'b2c', 'reason', 'Returned goods',
    'receipt', b.refund_receipt, 'held_from', jsonb_build_object('pending', b.amount), 'requested_by', 'book',
    'created_at', b.at, 'completed_at', b.at, 'version', 1)) r
  WHERE b.refund_receipt <> ''
"""

POST_REFUNDS = """
SELECT count(ledger_post('ref:' || b.refund || ':done', 'refund_done', %(merchant)s, 'KES', b.mode, ARRAY[
      (ledger_open_account(%(merchant)s, 'pending', '', 'KES', b.mode), 'D', b.amount)::ledger_leg,
      (ledger_open_account(NULL, 'provider_float', %(account)s || ':' || lpad((b.n %% 16)::text, 2, '0'), 'KES',
        b.mode), 'C', b.amount)::ledger_leg], b.at))
  FROM book_payment b WHERE b.refund_receipt <> '' AND b.n BETWEEN %(first)s AND %(last)s
"""

CAPITAL = """
SELECT ledger_post('book:opening', 'capital', NULL, 'KES', 'test', ARRAY[
  (ledger_open_account(NULL, 'provider_float', %(account)s || ':00', 'KES', 'test'), 'D', %(opening)s)::ledger_leg,
  (ledger_open_account(NULL, 'capital', '', 'KES', 'test'), 'C', %(opening)s)::ledger_leg]);
"""


def store_book(book: Book, *, place: ProviderAccount, template: Payment) -> None:
    """Put the book into the database, set by set; `template` is a payment of the place whose other facts are copied.

    The guards of states sleep meanwhile: the book is made, and not played. Its money goes through the ledger's door.
    """
    values = {
        "rows": orjson.dumps([_row(paid, n) for n, paid in enumerate(book.payments)]).decode(),
        "merchant": place.merchant_id,
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
    _store_rows(values, template=template)


def _store_rows(values: dict[str, Any], *, template: Payment) -> None:
    op = MoneyOp.objects.filter(payment_id=template.id).latest("id")
    guarded = ("transactions", "money_op", "refunds")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '900s'")
        for table in guarded:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(PAYMENTS, values | {"template": _json("transactions", template.id)})
        cursor.execute(OPS, values | {"template": _json("money_op", op.id)})
        cursor.execute(REFUNDS, values | {"template": _defaults(Refund)})
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; DROP TABLE book_payment, book_transfer")
        for table in guarded:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _row(paid: Paid, n: int) -> dict[str, Any]:
    return {
        "id": str(paid.id),
        "receipt": paid.receipt,
        "amount": paid.amount,
        "at": paid.at.isoformat(),
        "status": paid.status,
        "mode": paid.mode,
        "account_reference": paid.account_reference,
        "refund_receipt": paid.refund_receipt,
        "refund": str(uuid4()) if paid.refund_receipt else None,
        "n": n,
    }


def _json(table: str, key: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t WHERE id = %s", [key])  # noqa: S608 - our own constants
        return str(cursor.fetchone()[0])


def _defaults(model: type[Refund]) -> str:
    return orjson.dumps({field.column: None for field in model._meta.concrete_fields}).decode()


# --- judging ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Breaks by kind and name: those found, those nobody found, and those that are none."""

    found: int
    missed: Sequence[tuple[str, str]]
    false: Sequence[tuple[str, str]]

    @property
    def is_clean(self) -> bool:
        return not self.missed and not self.false


def judge(book: Book) -> Verdict:
    """Compare what was named with what was planted; the names are the receipts of lines and payments."""
    named = Counter(ReconException.objects.filter(mode="test").values_list("kind", "external_id"))
    planted = Counter(book.breaks)
    return Verdict(
        found=(named & planted).total(),
        missed=sorted((planted - named).elements()),
        false=sorted((named - planted).elements()),
    )


def show(book: Book, verdict: Verdict, seconds: dict[str, float], say: Callable[[str], object]) -> None:
    for line in _shown(book, verdict, seconds):
        say(line)


def _shown(book: Book, verdict: Verdict, seconds: dict[str, float]) -> Iterator[str]:
    kinds = Counter(kind for kind, _ in book.breaks)
    yield f"statement, seed {book.plan.seed}: {len(book.rows)} lines against {len(book.payments)} payments"
    yield f"    planted {len(book.breaks)}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    yield f"    found {verdict.found}, missed {len(verdict.missed)}, false {len(verdict.false)}"
    yield "    seconds: " + ", ".join(f"{name} {took:.1f}" for name, took in seconds.items())
    for word, rows in (("missed", verdict.missed), ("false", verdict.false)):
        for kind, name in rows[:10]:
            yield f"    {word}: {kind} {name}"
