"""The proof of a float: green to the cent or red with the gap and its parts; and what covers what is owed."""

from datetime import UTC, datetime, timedelta

from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id
from settlements.chart import Leg
from settlements.models import FloatProof, LedgerTransfer, ReconException, ReconLine, ReconMatch
from settlements.services.float_proof import last_proof, prove_float
from settlements.services.recon_charges import book_charges
from settlements.services.recon_exceptions import close_exception, propose_resolution, reopen_exception
from settlements.services.safeguarding import safeguarding_report
from settlements.tests.base import balance, pay, post
from settlements.tests.recon import ACCOUNT, Paper, bring, next_code
from settlements.tests.test_recon_import import ReconTestCase


class ProofTestCase(ReconTestCase):
    """The float holds KES 1.00; the statement is of today."""

    def setUp(self) -> None:
        super().setUp()
        self.today = nairobi(now()).date()
        self.paper = Paper(
            start=datetime(self.today.year, self.today.month, self.today.day, tzinfo=UTC) - timedelta(hours=3)
        )
        self.first = LedgerTransfer.objects.get()

    def put(self, transfer: LedgerTransfer, amount: int, *, at: datetime | None = None) -> None:
        """A line, in the books as this transfer."""
        self.paper.add(next_code(), amount, at=at)
        self.matches = [*getattr(self, "matches", []), (len(self.paper.rows), transfer)]

    def prove(self, **more: object) -> FloatProof:
        prove_float("daraja", "174379", self.today, mode="test")
        return FloatProof.objects.get(account=ACCOUNT, day=self.today)

    def bring_it(self, **more: int) -> None:
        bring(self.paper.text(**more))
        lines = list(ReconLine.objects.order_by("line_no"))
        for number, transfer in getattr(self, "matches", []):
            line = lines[number - 1]
            ReconMatch.objects.create(
                line=line,
                rule="receipt",
                object_type="payment",
                object_id=new_id(),
                transfer=transfer,
                state="confirmed",
                family="statement",
            )
            ReconLine.objects.filter(id=line.id).update(state="matched")

    def an_exception(self, effect: int, kind: str = "missing_here") -> ReconException:
        return ReconException.objects.create(
            kind=kind,
            account=ACCOUNT,
            mode="test",
            name=str(new_id()),
            amount=abs(effect),
            currency="KES",
            occurred_at=self.paper.start,
            float_effect=effect,
            severity="high",
            owner="reconciliation",
            detail={},
            posting={},
        )


class Green(ProofTestCase):
    def test_to_the_cent(self) -> None:
        self.put(self.first, 100)
        self.bring_it()
        proof = self.prove()
        self.assertEqual((proof.ledger_balance, proof.provider_balance, proof.gap), (100, 100, 0))
        self.assertTrue(proof.is_green)
        self.assertEqual(proof.parts, {})

    def test_all_stripes_count(self) -> None:
        total = 100
        self.put(self.first, 100)
        for number in range(20):
            key = pay(self.merchant, 7 + number)
            self.put(LedgerTransfer.objects.get(id=key), 7 + number)
            total += 7 + number
        self.bring_it()
        proof = self.prove()
        self.assertEqual((proof.ledger_balance, proof.is_green), (total, True))

    def test_listed_exceptions_explain_the_gap(self) -> None:
        self.put(self.first, 100)
        self.paper.add(next_code(), 40)
        self.bring_it()
        ReconLine.objects.filter(state="new").update(state="exception")
        self.an_exception(-40)
        proof = self.prove()
        self.assertEqual((proof.gap, proof.unexplained, proof.is_green), (-40, 0, True))
        self.assertEqual(proof.parts, {"exception:missing_here": -40})

    def test_what_was_booked_after_midnight_is_listed(self) -> None:
        self.paper.start -= timedelta(days=1)
        self.today -= timedelta(days=1)
        self.put(self.first, 100)
        self.bring_it()
        proof = self.prove()
        self.assertEqual((proof.ledger_balance, proof.gap, proof.parts), (0, -100, {"booked_later": -100}))
        self.assertTrue(proof.is_green)

    def test_a_statement_that_goes_on_tells_by_its_last_line(self) -> None:
        self.put(self.first, 100)
        self.paper.days = 3
        self.paper.add(next_code(), 55, at=self.paper.start + timedelta(days=1, seconds=5))
        self.bring_it()
        self.assertEqual((self.prove().provider_balance, self.prove().is_green), (100, True))


class Red(ProofTestCase):
    def test_a_cent_that_nothing_explains(self) -> None:
        self.put(self.first, 100)
        self.bring_it()
        pay(self.merchant, 1)
        proof = self.prove()
        self.assertEqual((proof.gap, proof.unexplained, proof.is_green), (1, 1, False))
        self.assertFalse(last_proof(ACCOUNT, mode="test").is_green)  # type: ignore[union-attr]

    def test_no_statement_proves_nothing(self) -> None:
        proof = self.prove()
        self.assertEqual((proof.ledger_balance, proof.provider_balance, proof.is_green), (100, None, False))

    def test_a_later_proof_of_the_day_replaces_it(self) -> None:
        self.prove()
        self.put(self.first, 100)
        self.bring_it()
        self.assertTrue(self.prove().is_green)
        self.assertEqual(FloatProof.objects.count(), 1)

    def test_money_in_the_books_that_no_line_tells_of(self) -> None:
        self.put(self.first, 100)
        pay(self.merchant, 30)
        self.bring_it()
        self.assertEqual((self.prove().unexplained, self.prove().is_green), (30, False))


class Closing(ProofTestCase):
    def test_two_people_post_what_is_missing(self) -> None:
        self.put(self.first, 100)
        self.paper.add(next_code(), -40)
        self.bring_it()
        ReconLine.objects.filter(state="new").update(state="exception")
        found = self.an_exception(40)
        propose_resolution(found.id, actor="usr_amina", resolution="Fraud, written off.", contra="loss")
        for actor in ("usr_amina", "key_1", "system"):
            with self.subTest(actor=actor), self.assertRaises(Problem):
                close_exception(found.id, actor=actor)
        self.assertEqual(balance("loss"), 0)
        done = close_exception(found.id, actor="usr_baraka")
        self.assertEqual((done.status, done.proposed_by, done.closed_by), ("closed", "usr_amina", "usr_baraka"))
        self.assertEqual((balance("loss"), balance("provider_float")), (40, 60))
        proof = self.prove()
        self.assertEqual((proof.ledger_balance, proof.gap, proof.is_green), (60, 0, True))

    def test_closed_without_a_posting_it_goes_on_explaining(self) -> None:
        self.put(self.first, 100)
        self.paper.add(next_code(), 40)
        self.bring_it()
        ReconLine.objects.filter(state="new").update(state="exception")
        found = self.an_exception(-40)
        propose_resolution(found.id, actor="usr_amina", resolution="The provider takes it back on Monday.")
        close_exception(found.id, actor="usr_baraka")
        self.assertEqual((self.prove().is_green, LedgerTransfer.objects.count()), (True, 1))

    def test_refused(self) -> None:
        found = self.an_exception(-40)
        with self.assertRaises(Problem):
            close_exception(found.id, actor="usr_amina")
        for contra in ("suspense", "provider_float:daraja:1", "available", "nonsense"):
            with self.subTest(contra=contra), self.assertRaises(Problem):
                propose_resolution(found.id, actor="usr_amina", resolution="x", contra=contra)
        with self.assertRaises(Problem):
            propose_resolution(found.id, actor="key_1", resolution="x")
        propose_resolution(found.id, actor="usr_amina", resolution="x")
        reopen_exception(found.id, actor="usr_baraka", reason="No.")
        self.assertEqual(ReconException.objects.get().status, "open")
        self.assertEqual(LedgerTransfer.objects.count(), 1)


class Charges(ProofTestCase):
    def test_a_banks_charge_is_posted_on_the_bank(self) -> None:
        body = b"Transaction Date,Reference,Narrative,Debit,Credit\n20/11/2026,FT1,PAID,,5.00\n"
        bring(body, source="bank_csv", account="bank:main")
        self.assertEqual(book_charges(account="bank:main", mode="test"), 0)


class Safeguarding(ProofTestCase):
    def test_what_is_owed_is_covered_or_not(self) -> None:
        (row,) = safeguarding_report()
        self.assertEqual((row.currency, row.mode, row.cover, row.is_covered), ("KES", "test", 0, True))
        post(
            self.merchant,
            [Leg(kind="loss", side="D", amount=30), Leg(kind="provider_float", side="C", amount=30, sub="x:1:00")],
        )
        (row,) = safeguarding_report()
        self.assertEqual((row.owed["pending"], row.cash["provider_float"], row.cover), (100, 70, -30))
        self.assertFalse(row.is_covered)
