"""The hand-written look at one payment gives what the model's own query gives."""

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.ids import new_id
from payments.models import Payment
from payments.selectors.find import NAMES, payment_by_id
from payments.tests.base import PaymentTestCase
from payments.tests.factories import caller_of, make_payment


class ByIdTests(PaymentTestCase):
    def test_every_field_is_as_the_model_reads_it(self) -> None:
        for status in ("pending", "completed", "failed"):
            made = make_payment(self.merchant, status=status)
            Payment.objects.filter(id=made.id).update(metadata={"order": "7", "é": 1.5, "paid": True})
            found, own = payment_by_id(caller_of(self.merchant), made.id), Payment.objects.get(id=made.id)
            with self.subTest(status=status):
                self.assertEqual({name: getattr(found, name) for name in NAMES}, {n: getattr(own, n) for n in NAMES})
                self.assertEqual([type(getattr(found, n)) for n in NAMES], [type(getattr(own, n)) for n in NAMES])
                self.assertEqual(found.merchant, self.merchant)

    def test_nobody_elses_and_no_other_modes(self) -> None:
        made = make_payment(self.merchant)
        for caller in (caller_of(make_merchant("Duka Mbali")), caller_of(self.merchant, mode=LIVE)):
            with self.assertRaises(NotFound):
                payment_by_id(caller, made.id)
        with self.assertRaises(NotFound):
            payment_by_id(caller_of(self.merchant), new_id())
