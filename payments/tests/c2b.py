"""What tests of money that payers send by themselves share: a shortcode, confirmations in the provider's words."""

import json
from hashlib import sha256
from itertools import count
from typing import Any

from django.test import TestCase

from merchants.models import Merchant, ProviderAccount
from merchants.tests.accounts import SECRETS
from merchants.tests.accounts import make_account as connect
from onpoint_pay.kit.caller import TEST
from onpoint_pay.kit.clock import nairobi_stamp, now
from onpoint_pay.kit.ids import from_public
from onpoint_pay.kit.money import Money
from payments.matching import code_keys, fold
from payments.models import C2bAccount, C2bClaim, C2bReceipt, Payment, ProviderEvent
from payments.services.c2b_statement import book_statement
from payments.services.outcome import apply_outcome
from payments.services.proof import prove
from payments.tests.base import CommittingPaymentTestCase, PaymentTestCase
from payments.tests.claims import success_body
from payments.tests.factories import answer, op_of
from providers.types import Outcome, OutcomeStatus, StatementLine
from settlements.models import LedgerAccount
from tests.simulator_process import simulator
from webhooks.models import Event

_receipts = count(1)
# The paybill of these tests, as the simulator is told to know it.
SHORTCODE = {
    "shortcode": "600123",
    "passkey": SECRETS["passkey"],
    "consumer_key": SECRETS["consumer_key"],
    "consumer_secret": SECRETS["consumer_secret"],
    "initiator": "shop-api",
    "initiator_password": SECRETS["initiator_password"],
    "c2b_version": None,
    "production": False,
    "register_answer": None,
}
PAYER = "254712345678"


def next_code() -> str:
    """A receipt of the network that nobody has seen yet."""
    return f"UKM{next(_receipts):07d}"


def confirmation(
    receipt: str,
    *,
    amount: Any = "100.00",
    bill_ref: str = "",
    shortcode: str = "600123",
    msisdn: str | None = PAYER,
    name: str = "AMINA WAIRIMU OTIENO",
    **more: Any,
) -> bytes:
    """A confirmation in the provider's words; `msisdn` as it stands there, clear, hashed or with stars."""
    first, middle, last = (*name.split(), "", "", "")[:3]
    body = {
        "TransactionType": "Pay Bill",
        "TransID": receipt,
        "TransTime": nairobi_stamp(now()),
        "TransAmount": amount,
        "BusinessShortCode": shortcode,
        "BillRefNumber": bill_ref,
        "InvoiceNumber": "",
        "OrgAccountBalance": "48230.00",
        "ThirdPartyTransID": "",
        "MSISDN": msisdn,
        "FirstName": first,
        "MiddleName": middle,
        "LastName": last,
    }
    return json.dumps(body | more).encode()


def hashed(phone: str = PAYER) -> str:
    return sha256(phone.encode()).hexdigest()


def masked(phone: str = PAYER) -> str:
    return f"{phone[:4]} ***** {phone[-3:]}"


def status_result(
    receipt: str, *, amount: Any = 100, shortcode: str = "600123", status: str = "Completed", payer: str = PAYER
) -> bytes:
    """What the provider answers when it is asked about a receipt."""
    told = {
        "DebitPartyName": f"{payer} - AMINA OTIENO",
        "CreditPartyName": f"{shortcode} - DUKA BORA",
        "TransactionStatus": status,
        "Amount": amount,
        "ReceiptNo": receipt,
        "FinalisedTime": nairobi_stamp(now()),
    }
    return _result(0, "The service request is processed successfully.", told)


def not_found_result() -> bytes:
    return _result(2001, "The transaction receipt number does not exist.", {})


def _result(code: int, text: str, told: dict[str, Any]) -> bytes:
    number = f"{next(_receipts):020d}"
    result: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": text,
        "OriginatorConversationID": f"f1e2-4b95-a71d-{number}",
        "ConversationID": f"AG_20261121_{number}",
        "TransactionID": "UKL0000000",
    }
    if told:
        result["ResultParameters"] = {"ResultParameter": [{"Key": key, "Value": told[key]} for key in told]}
    return json.dumps({"Result": result}).encode()


class C2bCalls:
    """A merchant with a paybill of their own, and everything that can be said at its doors."""

    merchant: Merchant
    headers: dict[str, str]
    shop: ProviderAccount

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        simulator().call("POST", "shortcodes", SHORTCODE)
        self.shop = connect(self.merchant, shortcode="600123", initiator_name="shop-api")

    # --- rows ---------------------------------------------------------------------------------------------------------

    def make_account(
        self, code: str | None = "SHULE01", *, headers: dict[str, str] | None = None, **more: Any
    ) -> C2bAccount:
        body = {"name": "Amina Otieno"} | ({"code": code} if code else {}) | more
        answer = self.post("c2b/accounts/", body, headers or self.headers)  # type: ignore[attr-defined]
        self.assertEqual(answer.status_code, 201, answer.content)  # type: ignore[attr-defined]
        return C2bAccount.objects.get(id=from_public("acc", answer.json()["id"]))

    # --- doors --------------------------------------------------------------------------------------------------------

    def hook(self, word: str, *, shop: ProviderAccount | None = None) -> str:
        return f"/api/v1/hooks/{(shop or self.shop).open_hook_token()}/{word}/"

    def confirm(self, receipt: str | None = None, *, shop: ProviderAccount | None = None, **told: Any) -> C2bReceipt:
        """A confirmation, brought and applied; the row of its receipt."""
        code = receipt or next_code()
        event = self.tell_confirmation(code, shop=shop, **told)
        self.assertIn(event.status, ("applied", "duplicate"), event.note)  # type: ignore[attr-defined]
        return C2bReceipt.objects.get(receipt=code)

    def tell_confirmation(self, receipt: str, *, shop: ProviderAccount | None = None, **told: Any) -> ProviderEvent:
        """A confirmation, brought and applied; the stored claim."""
        body = confirmation(receipt, **({"shortcode": (shop or self.shop).shortcode} | told))
        answer = self.bring(body, self.hook("confirm", shop=shop))  # type: ignore[attr-defined]
        self.assertEqual(answer.status_code, 200, answer.content)  # type: ignore[attr-defined]
        self.apply()  # type: ignore[attr-defined]
        return ProviderEvent.objects.filter(door="confirm").latest("id")

    def call_back(self, payment: Payment, receipt: str, *, amount: Any = None) -> ProviderEvent:
        """The result of a prompt, paid with this receipt."""
        told = Money(payment.amount).whole_units() if amount is None else amount
        return self.tell(payment, success_body(op_of(payment).provider_ref or "", amount=told, receipt=receipt))  # type: ignore[attr-defined]

    def pull(self, *lines: StatementLine, shop: ProviderAccount | None = None) -> int:
        return book_statement(shop or self.shop, list(lines))

    # --- what became of it --------------------------------------------------------------------------------------------

    def fresh(self, row: C2bReceipt) -> C2bReceipt:
        return C2bReceipt.objects.select_related("provider_account").get(id=row.id)

    def assert_credited(self, row: C2bReceipt, **fields: Any) -> Payment:
        """The money is one payment's, booked once, and nothing of it waits."""
        found = self.fresh(row)
        self.assertEqual(found.state, "matched", found.reason)  # type: ignore[attr-defined]
        payment = Payment.objects.get(id=found.payment_id)
        wanted = {"status": "completed", "receipt": row.receipt, "captured": payment.amount} | fields
        self.assertEqual({name: getattr(payment, name) for name in wanted}, wanted)  # type: ignore[attr-defined]
        return payment

    def assert_waiting(self, row: C2bReceipt, state: str = "unmatched", **fields: Any) -> C2bReceipt:
        """The money lies in suspense and is nobody's."""
        found = self.fresh(row)
        wanted = {"state": state, "payment_id": None} | fields
        self.assertEqual({name: getattr(found, name) for name in wanted}, wanted)  # type: ignore[attr-defined]
        self.assertIsNotNone(found.suspense_transfer_id)  # type: ignore[attr-defined]
        self.assertFalse(Payment.objects.filter(receipt=row.receipt).exists())  # type: ignore[attr-defined]
        return found

    def assert_books(self, **balances: int) -> None:
        """Balances by kind of account in minor units, every other one of these at zero; and nothing is broken."""
        wanted = {"provider_float": 0, "suspense": 0, "pending": 0, "fee_income": 0, "overpaid": 0} | balances
        self.assertEqual({kind: balance_of(kind) for kind in wanted}, wanted)  # type: ignore[attr-defined]


def balance_of(kind: str) -> int:
    rows = LedgerAccount.objects.filter(kind=kind)
    return sum(row.credits - row.debits if row.normal == "C" else row.debits - row.credits for row in rows)


def news_of(row: C2bReceipt) -> list[str]:
    """Types of the receipt's webhook events, oldest first."""
    return list(Event.objects.filter(key__contains=f":{row.id}").order_by("id").values_list("type", flat=True))


def line(
    receipt: str, *, amount: int = 100_00, bill_ref: str = "", phone: str | None = PAYER, **more: Any
) -> StatementLine:
    """One line of the provider's own list."""
    facts = {"occurred_at": now(), "description": "c2b-pay-bill-debit"} | more
    return StatementLine(receipt=receipt, money=Money(amount), account_reference=bill_ref, phone=phone, **facts)


def make_c2b_account(shop: ProviderAccount) -> C2bAccount:
    """An open account on a merchant's own shortcode."""
    code = f"SHULE{next(_receipts)}"
    return C2bAccount.objects.create(
        merchant_id=shop.merchant_id,
        mode=shop.mode,
        provider=shop.provider,
        shortcode=shop.shortcode,
        code=code,
        folded=fold(code),
        name="Amina Otieno",
        search_keys=sorted(code_keys(code)),
        is_open=True,
        created_by="tests",
        created_at=now(),
        version=1,
    )


def make_claim(shop: ProviderAccount) -> C2bClaim:
    """A claim that waits for the provider's word."""
    account = make_c2b_account(shop)
    return C2bClaim.objects.create(
        merchant_id=shop.merchant_id,
        mode=shop.mode,
        provider=shop.provider,
        receipt=next_code(),
        account=account,
        status="pending",
        created_by="tests",
        created_at=now(),
        version=1,
    )


def make_receipt(shop: ProviderAccount, *, mode: str = TEST, **told: Any) -> C2bReceipt:
    """Money on a shortcode, told of by the provider's list."""
    code = next_code()
    book_statement(shop, [line(code, **told)])
    return C2bReceipt.objects.get(receipt=code, mode=mode)


def paid_by_query(payment: Payment) -> str:
    """The provider says that the prompt was paid, as it does when asked: without amount and receipt."""
    op = op_of(payment)
    outcome = Outcome(status=OutcomeStatus.SUCCEEDED, provider_reference=op.provider_ref, provider_code="0")
    return apply_outcome(op.id, outcome, evidence=answer(), source="query")


def claims_of(receipt: str) -> list[C2bClaim]:
    return list(C2bClaim.objects.filter(receipt=receipt).order_by("id"))


class C2bTestCase(C2bCalls, PaymentTestCase):
    """Everything rolled back after each test."""


class CommittingC2bTestCase(C2bCalls, CommittingPaymentTestCase):
    """Real commits, for threads and for the proof of the books."""

    def assert_clean(self) -> None:
        self.assertEqual([(found.invariant.name, found.examples) for found in prove() if found.rows], [])


__all__ = ["C2bTestCase", "CommittingC2bTestCase", "TestCase"]
