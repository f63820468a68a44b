"""Operators and what is owed: settlements, exceptions closed by two, statements that were brought, proofs of floats."""

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import new_id, to_public
from settlements.models import FloatProof, LedgerTransfer, ReconException, ReconRun, Settlement, SettlementProfile
from settlements.tests.recon import make_exception, make_line
from tests.operators import OperatorsTestCase, make_operator, signed_in, told

EXCEPTIONS, SETTLEMENTS, RUNS, PROOFS = (
    f"/operators/settlements/{name}/" for name in ("reconexception", "settlement", "reconrun", "floatproof")
)
HOSTILE = "<script>alert(1)</script>"


class OperatorCase(OperatorsTestCase):
    """Two operators, one of risk, and a merchant."""

    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora")
        self.amina, self.juma = make_operator("operator"), make_operator("operator")
        self.browser, self.other = signed_in(self.amina), signed_in(self.juma)
        self.risk = signed_in(make_operator("risk"))

    def see(self, path: str, status: int = 200, *, browser: Client | None = None) -> str:
        answer = (browser or self.browser).get(path)
        self.assertEqual(answer.status_code, status, answer.content[-2000:])
        return str(answer.content.decode())

    def do(self, path: str, *, browser: Client | None = None, **said: Any) -> int:
        return int((browser or self.browser).post(path, said).status_code)

    def statements(self, path: str) -> list[str]:
        self.see(path)
        with CaptureQueriesContext(connection) as found:
            self.see(path)
        return [each["sql"] for each in found]


class Exceptions(OperatorCase):
    def page(self, row: ReconException, rest: str = "change/") -> str:
        return f"{EXCEPTIONS}{row.pk}/{rest}"

    def assert_open(self, row: ReconException, status: str = "open") -> None:
        """Nobody has closed it, and nothing was posted."""
        found = ReconException.objects.get(pk=row.pk)
        self.assertEqual((found.status, found.closed_by, found.transfer_id), (status, None, None))
        self.assertFalse(LedgerTransfer.objects.filter(idem__startswith="rec:").exists())

    def test_the_queue_tells_whose_how_old_and_what_to_do(self) -> None:
        row = make_exception(
            self.merchant, external_id="UKL1", detail={"words": HOSTILE}, line=make_line("daraja:174379")
        )
        for page in (self.see(EXCEPTIONS), self.see(self.page(row))):
            for words in (to_public("rcx", row.pk), "missing_here", "medium", "reconciliation", "find its owner"):
                self.assertIn(words, page)
            self.assertNotIn(HOSTILE, page)
        self.assertEqual(len(told("operator.viewed", stream=f"m{self.merchant.id}")), 1)

    def test_taken(self) -> None:
        row = make_exception()
        self.assertEqual(self.do(self.page(row, "take/")), 302)
        self.assertEqual(ReconException.objects.get(pk=row.pk).owner, self.amina.public_id)
        self.assertNotIn(to_public("rcx", row.pk), self.see(f"{EXCEPTIONS}?taken=nobody%27s"))

    def test_two_people_close_one_with_a_posting(self) -> None:
        row = make_exception(float_effect=-500)
        said = {"resolution": "A charge of the provider", "contra": "provider_cost"}
        self.assertEqual(self.do(self.page(row, "propose/"), **said), 302)
        self.assertEqual(self.do(self.page(row, "agree/"), contra="provider_cost"), 403)
        for contra in ("nothing", "loss"):
            self.assertEqual(self.do(self.page(row, "agree/"), browser=self.other, contra=contra), 409)
        self.assertEqual(self.do(self.page(row, "agree/"), browser=self.other), 200)
        self.assert_open(row, "proposed")
        self.assertEqual(self.do(self.page(row, "agree/"), browser=self.other, contra="provider_cost"), 302)
        found = ReconException.objects.get(pk=row.pk)
        self.assertEqual(
            (found.status, found.proposed_by, found.closed_by), ("closed", self.amina.public_id, self.juma.public_id)
        )
        self.assertEqual(LedgerTransfer.objects.get(idem=f"rec:{row.pk}:close").actor, self.juma.public_id)
        self.assertIn("provider_cost", self.see(self.page(row)))
        self.assertEqual(self.do(self.page(row, "agree/"), browser=self.other, contra="provider_cost"), 409)

    def test_not_agreed(self) -> None:
        row = make_exception()
        self.assertEqual(self.do(self.page(row, "propose/"), resolution="Fits"), 302)
        self.assertEqual(self.do(self.page(row, "reopen/"), browser=self.other, reason="no_proof"), 302)
        self.assert_open(row)

    def test_nothing_to_post_is_refused(self) -> None:
        row = make_exception(float_effect=0)
        self.assertEqual(self.do(self.page(row, "propose/"), resolution="x", contra="loss"), 409)
        self.assertEqual(self.do(self.page(row, "propose/"), resolution="x", contra="provider_float"), 200)
        self.assert_open(row)

    def test_those_who_only_look(self) -> None:
        row = make_exception()
        for browser in (self.risk, signed_in(make_operator("read_only", "compliance"))):
            self.assertNotIn("/take/", self.see(self.page(row), browser=browser))
            for name in ("take/", "propose/"):
                self.assertEqual(self.do(self.page(row, name), browser=browser, resolution="x"), 403)
        self.assertEqual(self.do(self.page(row, "take/"), browser=Client()), 302)
        self.assertEqual(ReconException.objects.get(pk=row.pk).owner, "reconciliation")
        self.assert_open(row)

    def test_fifty_rows_cost_as_much_as_one(self) -> None:
        make_exception(self.merchant)
        few = self.statements(EXCEPTIONS)
        for _ in range(50):
            make_exception(make_merchant())
        many = self.statements(EXCEPTIONS)
        self.assertLessEqual(len(many), len(few))

    def test_unknown_ones(self) -> None:
        for name in (new_id(), to_public("rcx", new_id()), to_public("pay", new_id()), "nonsense"):
            self.see(f"{EXCEPTIONS}{name}/change/", 404)
            self.assertEqual(self.do(f"{EXCEPTIONS}{name}/take/"), 404)


class Statements(OperatorCase):
    def run_of(self, **facts: Any) -> ReconRun:
        usual = {
            "account": "daraja:600000",
            "source": "mpesa_statement",
            "name": HOSTILE,
            "status": "requires_approval",
        }
        return ReconRun.objects.create(
            merchant=self.merchant, mode="live", requested_by="usr_theirs", **(usual | facts)
        )

    def test_taken_in_or_refused_once(self) -> None:
        for verb, status in (("accept", "queued"), ("refuse", "rejected")):
            row = self.run_of()
            self.assertNotIn(HOSTILE, self.see(f"{RUNS}{row.pk}/change/"))
            self.assertEqual(self.do(f"{RUNS}{row.pk}/{verb}/"), 302)
            found = ReconRun.objects.get(pk=row.pk)
            self.assertEqual((found.status, found.decided_by), (status, self.amina.public_id))
            self.assertEqual(self.do(f"{RUNS}{row.pk}/{verb}/"), 409)

    def test_those_who_only_look(self) -> None:
        row = self.run_of()
        self.assertEqual(self.do(f"{RUNS}{row.pk}/accept/", browser=self.risk), 403)
        self.assertEqual(ReconRun.objects.get(pk=row.pk).status, "requires_approval")


class Settlements(OperatorCase):
    def settlement(self, **facts: Any) -> Settlement:
        usual = {
            "merchant": self.merchant,
            "mode": "test",
            "currency": "KES",
            "day": nairobi(now()).date(),
            "status": "open",
        }
        return Settlement.objects.create(id=new_id(), **(usual | facts))

    def test_seen_with_its_files(self) -> None:
        row = self.settlement(gross=100_00, fee=1_50, total=98_50, hold_reason="The books differ.")
        for page in (self.see(SETTLEMENTS), self.see(f"{SETTLEMENTS}{row.pk}/change/")):
            for words in (to_public("stl", row.pk), "KES 98.50", "The books differ."):
                self.assertIn(words, page)
        answer = self.browser.get(f"{SETTLEMENTS}{row.pk}/statement.csv")
        self.assertEqual((answer.status_code, answer["Content-Type"]), (200, "text/csv; charset=utf-8"))
        self.assertIn("attachment", answer["Content-Disposition"])
        self.assertIn(b"total", answer.content)
        looks = [link.detail["what"] for link in told("operator.viewed", stream=f"m{self.merchant.id}")]
        self.assertEqual(looks, ["settlement", "settlement.csv"])
        self.see(f"{SETTLEMENTS}{new_id()}/statement.csv", 404)
        self.assertEqual(Client().get(f"{SETTLEMENTS}{row.pk}/statement.csv").status_code, 302)

    def test_payouts_are_held_back_and_let_go(self) -> None:
        row = self.settlement()
        said = {"reason": "fraud", "ticket": "HELP-7"}
        self.assertEqual(self.do(f"{SETTLEMENTS}{row.pk}/let-go/", browser=self.risk, **said), 409)
        self.assertEqual(self.do(f"{SETTLEMENTS}{row.pk}/hold/", browser=self.risk, **said), 302)
        profile = SettlementProfile.objects.get(merchant=self.merchant)
        self.assertTrue(profile.hold)
        self.assertNotIn("fraud", profile.hold_reason)
        (held,) = told("settlements.held")
        self.assertEqual((held.stream, held.detail["reason"]), ("platform", "fraud"))
        self.assertFalse([link for link in told("settlement_profile.set") if "fraud" in str(link.detail)])
        self.assertEqual(self.do(f"{SETTLEMENTS}{row.pk}/let-go/", browser=self.risk, **said), 302)
        self.assertFalse(SettlementProfile.objects.get(merchant=self.merchant).hold)

    def test_those_who_only_look(self) -> None:
        row = self.settlement()
        for browser in (self.browser, signed_in(make_operator("read_only"))):
            self.assertEqual(self.do(f"{SETTLEMENTS}{row.pk}/hold/", browser=browser, reason="fraud"), 403)
        self.assertFalse(SettlementProfile.objects.filter(hold=True).exists())

    def test_fifty_rows_cost_as_much_as_one(self) -> None:
        self.settlement()
        few = self.statements(SETTLEMENTS)
        for _ in range(50):
            self.settlement(merchant=make_merchant())
        self.assertLessEqual(len(self.statements(SETTLEMENTS)), len(few))


class Floats(OperatorCase):
    def test_proofs_and_cover(self) -> None:
        row = FloatProof.objects.create(
            account="daraja:174379",
            mode="test",
            currency="KES",
            day=nairobi(now()).date(),
            ledger_balance=100_00,
            provider_balance=90_00,
            gap=10_00,
            unexplained=10_00,
            parts={"booked_later": 0},
            is_green=False,
            proved_at=now(),
        )
        for page in (self.see(PROOFS), self.see(f"{PROOFS}?result=red"), self.see(f"{PROOFS}{row.pk}/change/")):
            self.assertIn("daraja:174379", page)
            self.assertIn("KES 10.00", page)
        self.assertNotIn("daraja:174379", self.see(f"{PROOFS}?result=green"))
        make_exception()
        self.assertIn("Safeguarding", self.see(f"{PROOFS}safeguarding/"))
        self.assertEqual(told("operator.listed")[-1].detail["what"], "safeguarding")
        self.assertEqual(Client().get(f"{PROOFS}safeguarding/").status_code, 302)

    def test_the_first_page_counts_what_waits(self) -> None:
        make_exception()
        self.assertIn("Exceptions that nobody has taken", self.see("/operators/"))
