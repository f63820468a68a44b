"""What a merchant sees of the reconciliation of their own shortcodes, and what they do not."""

from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.ids import to_public
from settlements.tests.recon import make_exception

PATH = "reconciliation/exceptions/"


class Exceptions(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora")
        self.headers = key_headers(make_api_key(self.merchant))

    def test_newest_first_and_only_ones_own(self) -> None:
        first, second = (
            make_exception(self.merchant),
            make_exception(self.merchant, kind="overpaid", external_id="UKL1"),
        )
        make_exception(make_merchant("Another"))
        make_exception(None)
        make_exception(self.merchant, "live")
        answer = self.get(PATH, self.headers).json()
        self.assertEqual([row["id"] for row in answer["data"]], [to_public("rcx", row.id) for row in (second, first)])
        shown = answer["data"][0]
        self.assertEqual((shown["amount"], shown["receipt"], shown["concerns"]), ("100.00", "UKL1", None))

    def test_filters(self) -> None:
        make_exception(self.merchant, kind="overpaid")
        make_exception(self.merchant, severity="high")
        for query, count in (("kind=overpaid", 1), ("severity=high", 1), ("status=closed", 0), ("status=open", 2)):
            self.assertEqual(len(self.get(f"{PATH}?{query}", self.headers).json()["data"]), count, query)
        self.assertEqual(self.get(f"{PATH}?kind=nonsense", self.headers).status_code, 400)

    def test_a_key_without_the_scope(self) -> None:
        make_exception(self.merchant)
        key = make_api_key(self.merchant, scopes=["payments:read"])
        self.assertEqual(self.get(PATH, key_headers(key)).status_code, 403)
        self.assertEqual(self.client.get(f"/api/v1/{PATH}").status_code, 401)
