"""How many claims an address without a token of ours may leave behind."""

from django.test import override_settings

from payments.models import ProviderEvent
from payments.tests.base import PaymentTestCase
from payments.tests.claims import success_body

DOCUMENTED = "/api/v1/payments/mpesa/callback/"


@override_settings(STRANGE_CALLBACKS_PER_MINUTE=3)
class Strangers(PaymentTestCase):
    def leave(self, n: int) -> list[int]:
        return [self.bring(success_body(f"ws_CO_{number}"), DOCUMENTED).status_code for number in range(n)]

    def test_only_so_many_are_kept(self) -> None:
        self.assertEqual(self.leave(5), [200, 200, 200, 429, 429])
        self.assertEqual(ProviderEvent.objects.filter(token_ok=False).count(), 3)

    def test_our_own_token_is_never_refused(self) -> None:
        payment = self.start()
        self.leave(5)
        self.assertEqual(
            self.bring(success_body(str(payment.provider_reference)), self.door_of(payment)).status_code, 200
        )

    @override_settings(CALLBACK_ADDRESSES=["127.0.0.1"])
    def test_listed_addresses_are_not_limited(self) -> None:
        self.assertEqual(self.leave(5), [200] * 5)
