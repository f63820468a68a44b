"""Where a merchant's settlements go, as the merchant sees it."""

from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import from_public
from settlements.models import PayoutDestination
from settlements.services.profiles import set_profile
from settlements.tests.payouts import make_destination

PATH = "settlement-accounts/"


class Accounts(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora")
        self.headers = key_headers(make_api_key(self.merchant))

    def shown(self) -> dict[str, bool]:
        answer = self.get(PATH, self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        return {row["id"]: row["receives_settlements"] for row in answer.json()["data"]}

    def test_the_chosen_one_of_those_that_are_kept(self) -> None:
        first, second = make_destination(self.merchant, "test"), make_destination(self.merchant, "test")
        make_destination(self.merchant, "live")
        make_destination(make_merchant("Mama Mboga"), "test")
        self.assertEqual(self.shown(), {first: False, second: False})
        set_profile(self.merchant.id, actor="amina", destination_id=from_public("dst", second))
        self.assertEqual(self.shown(), {first: False, second: True})

    def test_what_is_deleted_is_paid_to_no_more(self) -> None:
        name = make_destination(self.merchant, "test")
        set_profile(self.merchant.id, actor="amina", destination_id=from_public("dst", name))
        PayoutDestination.objects.update(status="deleted", deleted_at=now())
        self.assertEqual(self.shown(), {})
        (row,) = self.get(f"{PATH}?status=deleted", self.headers).json()["data"]
        self.assertEqual((row["object"], row["receives_settlements"]), ("settlement_account", False))

    def test_numbers_are_masked(self) -> None:
        make_destination(self.merchant, "test")
        (row,) = self.get(PATH, self.headers).json()["data"]
        self.assertIn("****", row["account_number"])

    def test_who_may(self) -> None:
        key = key_headers(make_api_key(self.merchant, scopes=["payouts:read"]))
        self.assert_problem(self.get(PATH, key), 403, "insufficient_scope")
