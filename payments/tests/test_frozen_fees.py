"""Fees of a plan on payments: frozen with their version when the payment is made, booked with the tax."""

from django.test import override_settings

from merchants.tests.accounts import make_account
from onpoint_pay.kit.ids import to_public
from payments.models import C2bReceipt, Payment
from payments.tests.base import PaymentTestCase, entries_of
from payments.tests.c2b import make_c2b_account, make_receipt
from payments.tests.factories import make_payment
from settlements.fees import Rule, Terms
from settlements.models import FeePlanVersion
from settlements.selectors.fee_plans import forget_plans
from settlements.services.fee_plans import set_plan


@override_settings(FEE_PLAN_CACHE_SECONDS=0)
class Frozen(PaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        forget_plans()
        self.addCleanup(forget_plans)

    def plan(self, bps: int) -> FeePlanVersion:
        terms = Terms(bps=bps, flat=0, tax_bps=1600)
        rules = [Rule(method=method, start=0, end=None, terms=terms) for method in ("mpesa", "mpesa_c2b")]
        return set_plan(rules, merchant_id=self.merchant.id, currency="KES", effective_from=None, actor="tests")

    def test_without_a_plan_the_merchants_own_fee_and_no_version(self) -> None:
        payment = make_payment(self.merchant, status="completed")
        self.assertEqual((payment.fee, payment.tax, payment.fee_version_id), (1_50, 0, None))

    def test_a_prompts_fee_is_the_one_of_the_moment_it_was_made(self) -> None:
        first = self.plan(200)
        payment = self.start()
        self.plan(900)
        self.pay(payment)
        paid = self.assert_state(payment, "completed", fee=2_00, tax=32, fee_version_id=first.id)
        self.assertEqual(
            entries_of(paid),
            {("provider_float", "D"): 100_00, ("pending", "C"): 97_68}
            | {("fee_income", "C"): 2_00, ("tax_payable", "C"): 32},
        )
        shown = self.get(f"payments/{to_public('pay', paid.id)}/", self.headers).json()
        self.assertEqual((shown["fee"], shown["net"]), ("2.32", "97.68"))

    def test_the_quote_is_what_the_payment_then_costs(self) -> None:
        self.plan(250)
        quoted = self.post("payments/quote/", {"amount": 100, "payment_method": "mpesa"}, self.headers).json()
        self.assertEqual((quoted["fee"], quoted["net"]), ("2.90", "97.10"))
        payment = self.start()
        self.assertEqual((payment.fee, payment.tax), (2_50, 40))

    def test_money_that_a_payer_sends_by_themselves(self) -> None:
        version = self.plan(300)
        shop = make_account(self.merchant, shortcode="600123", is_default=False)
        account = make_c2b_account(shop)
        receipt = C2bReceipt.objects.get(id=make_receipt(shop, bill_ref=account.code).id)
        made = Payment.objects.get(id=receipt.payment_id)
        self.assertEqual((made.fee, made.tax, made.fee_version_id), (3_00, 48, version.id))
        self.assertEqual(entries_of(made)["tax_payable", "C"], 48)
