"""Money in doubt closed by two people: proof, another person, the books; and what comes after it was closed wrongly."""

from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from audit.models import AuditEvent
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import DoubtDecision, MoneyOp, ProviderEvent
from payments.services.bank_files import export_file
from payments.services.bank_results import import_results
from payments.services.doubt_list import doubts
from payments.services.doubts import Verdict, confirm, propose, reject
from payments.services.out_sending import send, send_out, take_one
from payments.services.payout_start import start_payouts
from payments.services.refund_closing import freeze_tries_of_others
from payments.tests.base import CommittingPaymentTestCase
from payments.tests.doubt_base import DAY, NOON, DoubtCalls, NotFoundCalls
from payments.tests.payout_base import DONE, HELD, MINOR, UNDONE, part_of
from payments.tests.refund_base import try_of
from settlements.models import Payout
from settlements.tests.payouts import BANK

LOOKED = "Looked for it in the portal from 08:00 to 20:00."
FAILED = Verdict(outcome="failed", note=LOOKED)


def paid_as(receipt: str = "UKL5555551") -> Verdict:
    return Verdict(outcome="succeeded", receipt=receipt)


class DecisionCalls(NotFoundCalls):
    """Amina proposes, Juma confirms."""

    def decided(self, op: MoneyOp, verdict: Verdict) -> DoubtDecision:
        return confirm(propose(op.id, verdict, actor="amina").id, actor="juma")

    def assert_refused(self, code: str, words: str, work: Any, *arguments: Any, **more: Any) -> None:
        with self.assertRaises(Problem) as refused:  # type: ignore[attr-defined]
            work(*arguments, **more)
        self.assertEqual(refused.exception.code, code)  # type: ignore[attr-defined]
        self.assertIn(words, refused.exception.detail)  # type: ignore[attr-defined]

    def assert_trail(self, row: DoubtDecision, *deeds: tuple[str, str]) -> None:
        """What was done, and by whom."""
        links = AuditEvent.objects.filter(object=to_public("dbt", row.id)).order_by("seq")
        found = [(action.removeprefix("doubt."), actor) for action, actor in links.values_list("action", "actor")]
        self.assertEqual(found, list(deeds))  # type: ignore[attr-defined]


class Payouts(DoubtCalls, DecisionCalls, CommittingPaymentTestCase):
    def test_it_did_not_leave(self) -> None:
        payout = self.doubted()
        row = propose(part_of(payout).id, FAILED, actor="amina")
        self.assert_payout(payout, "pending", paid=0, released=0)
        self.assert_posted(payout, hold=HELD)
        self.assert_told(payout, "created")
        confirm(row.id, actor="juma")
        self.assert_tries(payout, (1, "failed"))
        found = self.assert_payout(payout, "failed", released=MINOR)
        self.assert_posted(payout, hold=HELD, undo=UNDONE)
        self.assert_told(payout, "created", "failed")
        self.assert_trail(row, ("proposed", "amina"), ("confirmed", "juma"))
        row.refresh_from_db()
        self.assertEqual((row.status, row.decided_by, row.evidence_id), ("confirmed", "juma", found.evidence_id))
        self.assertIn(LOOKED.encode(), bytes(ProviderEvent.objects.get(id=found.evidence_id).body))
        self.assertEqual((start_payouts(), send_out(), self.lines_of(payout)), (0, 0, []))
        self.assert_clean()

    def test_it_arrived(self) -> None:
        payout = self.doubted()
        self.decided(part_of(payout), paid_as())
        self.assert_tries(payout, (1, "succeeded"))
        self.assert_payout(payout, "completed", paid=MINOR, receipt="UKL5555551")
        self.assert_posted(payout, hold=HELD, done=DONE)
        self.assert_told(payout, "created", "completed")
        self.assert_clean()

    def test_never_one_person_alone(self) -> None:
        payout = self.doubted()
        row = propose(part_of(payout).id, FAILED, actor="amina")
        self.assert_refused("permission_denied", "another person", confirm, row.id, actor="amina")
        for nobody in ("system", "operator", "key_01K", " "):
            self.assert_refused("permission_denied", "say who you are", confirm, row.id, actor=nobody)
            self.assert_refused("permission_denied", "say who", propose, part_of(payout).id, FAILED, actor=nobody)
        (event,) = self.not_found(part_of(payout), 1)
        with self.assertRaises(IntegrityError), transaction.atomic():
            DoubtDecision.objects.filter(id=row.id).update(status="confirmed", decided_by="amina", evidence=event)
        self.assert_payout(payout, "pending", paid=0, released=0)
        self.assert_trail(row, ("proposed", "amina"))

    def test_not_without_proof(self) -> None:
        payout = self.doubted()
        for verdict in (Verdict(outcome="failed"), Verdict(outcome="succeeded", note="  ")):
            self.assert_refused("parameter_missing", "receipt", propose, part_of(payout).id, verdict, actor="amina")
        self.assertFalse(DoubtDecision.objects.exists())

    def test_rejected_nothing_moves_and_another_may_be_proposed(self) -> None:
        payout = self.doubted()
        op = part_of(payout)
        first = propose(op.id, FAILED, actor="amina")
        self.assert_refused("state_conflict", "open already", propose, op.id, paid_as(), actor="juma")
        reject(first.id, actor="juma")
        self.assert_trail(first, ("proposed", "amina"), ("rejected", "juma"))
        self.assert_refused("state_conflict", "rejected by juma", confirm, first.id, actor="wanjiru")
        self.assert_payout(payout, "pending", paid=0, released=0)
        self.decided(op, paid_as())
        self.assert_payout(payout, "completed", paid=MINOR)

    def test_only_what_is_in_doubt(self) -> None:
        fresh, waiting = self.sent_payout(), self.to_phone()
        self.assert_refused("state_conflict", "may still come", propose, part_of(fresh).id, FAILED, actor="amina")
        start_payouts()
        self.assert_refused("state_conflict", "is created", propose, part_of(waiting).id, FAILED, actor="amina")
        self.bring_payout(fresh)
        self.assert_refused("state_conflict", "is succeeded", propose, part_of(fresh).id, FAILED, actor="amina")
        self.assertFalse(DoubtDecision.objects.exists())
        MoneyOp.objects.filter(payout=waiting).update(sent_at=NOON)

    def test_the_provider_was_faster_than_the_second_person(self) -> None:
        payout = self.sent_payout()
        MoneyOp.objects.filter(payout=payout).update(sent_at=NOON)
        row = propose(part_of(payout).id, FAILED, actor="amina")
        self.bring_payout(payout)
        self.assert_refused("state_conflict", "is succeeded", confirm, row.id, actor="juma")
        self.assert_paid(payout)
        reject(row.id, actor="juma")

    def test_a_receipt_that_is_booked_as_other_money(self) -> None:
        paid = self.sent_payout()
        self.bring_payout(paid)
        payout = self.doubted()
        row = propose(part_of(payout).id, paid_as(str(part_of(paid).receipt)), actor="amina")
        self.assert_refused("state_conflict", "belongs to another payout", confirm, row.id, actor="juma")
        row.refresh_from_db()
        self.assertEqual((row.status, row.evidence_id), ("proposed", None))
        self.assert_payout(payout, "pending", paid=0)
        self.assert_clean()

    def test_a_line_that_the_bank_never_told_of(self) -> None:
        payout = self.payout(destination=BANK)
        export_file("bank", "main", mode="test", day=DAY, actor="tests")
        MoneyOp.objects.filter(payout=payout).update(sent_at=NOON)
        self.decided(part_of(payout), Verdict(outcome="succeeded", receipt="FT26325ABC"))
        self.assert_payout(payout, "completed", paid=MINOR, receipt="FT26325ABC")
        self.assert_posted(payout, hold=HELD, done={("payout_hold", "D"): MINOR, ("bank", "C"): MINOR})
        told = f"line,result,amount,receipt\n{part_of(payout).client_ref},paid,100,FT26325ABC\n"
        found = import_results(told.encode(), mode="test", actor="tests")
        self.assertEqual(dict(found.counts), {"duplicate": 1})
        self.assert_clean()

    def test_the_list_and_the_command(self) -> None:
        payout = self.doubted()
        op = part_of(payout)
        self.not_found(op, 1)
        self.sent_payout()
        (doubt,) = doubts("test")
        self.assertEqual((doubt.op.id, doubt.why, doubt.not_found, doubt.proposal), (op.id, "unknown", 1, None))
        self.assertEqual(doubts("live"), [])
        said = self.run_command("propose", op.client_ref, "--outcome", "failed", "--note", LOOKED, "--actor", "Amina")
        name = said.partition(":")[0]
        self.assertIn(name, self.run_command("list", "--mode", "test"))
        for arguments in (
            ("confirm", name, "--actor", " amina "),
            ("confirm", to_public("dbt", new_id()), "--actor", "juma"),
            ("confirm", "dbt_x", "--actor", "juma"),
            ("propose", "POT-1", "--outcome", "failed", "--note", "x", "--actor", "juma"),
        ):
            with self.subTest(arguments), self.assertRaises(CommandError):
                self.run_command(*arguments)
        self.run_command("confirm", name, "--actor", "juma")
        self.assert_payout(payout, "failed", released=MINOR)
        self.assertEqual(self.run_command("list", "--mode", "test"), "")

    def run_command(self, *arguments: str) -> str:
        said = StringIO()
        call_command("doubts", *arguments, stdout=said)
        return said.getvalue()


class Refunds(DecisionCalls, CommittingPaymentTestCase):
    """The same mechanism."""

    def test_either_way(self) -> None:
        for fields in ({"amount": 40}, {}):
            for verdict in (FAILED, paid_as(f"UKL7{new_id().hex[-6:].upper()}")):
                with self.subTest(fields=fields, outcome=verdict.outcome):
                    payment = self.paid()
                    refund = self.refund(payment, **fields)
                    self.doubt(refund=refund)
                    self.decided(try_of(refund), verdict)
                    is_paid, found = verdict.outcome == "succeeded", self.again_refund(refund)
                    self.assertEqual(
                        (found.status, found.receipt), ("completed" if is_paid else "failed", verdict.receipt)
                    )
                    self.assert_counters(payment, refunded=refund.amount if is_paid else 0)
                    self.assertEqual((send_out(), self.lines(refund)), (0, []), "nothing is sent another way")
        self.assert_clean()

    def test_one_that_was_stopped_before_it_left(self) -> None:
        """Frozen beside another of the same payment: its money is given back by two people."""
        payment = self.paid()
        paid, stopped = self.refund(payment, amount=40), self.refund(payment, amount=30)
        freeze = transaction.atomic(lambda: freeze_tries_of_others(paid))
        freeze()
        (doubt,) = doubts("test")
        self.assertEqual((doubt.op.refund_id, doubt.why), (stopped.id, "stopped"))
        self.assert_refused("state_conflict", "never left", propose, doubt.op.id, paid_as(), actor="amina")
        self.decided(doubt.op, FAILED)
        self.assert_ops(stopped, ("b2c", "cancelled"))
        self.assertEqual(self.again_refund(stopped).status, "failed")
        self.assert_counters(payment, held=40_00)
        self.assertEqual(doubts("test"), [])
        self.assert_clean()


class WronglyClosed(DoubtCalls, DecisionCalls, CommittingPaymentTestCase):
    """Two people said that nothing left, and it arrives."""

    def wrongly_failed(self) -> Payout:
        payout = self.sent_payout()
        MoneyOp.objects.filter(payout=payout).update(sent_at=NOON)
        self.decided(part_of(payout), FAILED)
        return self.assert_payout(payout, "failed", released=MINOR)

    def asked_again(self, payout: Payout) -> Payout:
        answer = self.decide(payout, "retry", self.headers)
        self.assertEqual(answer.status_code, 201, answer.content)
        retry = Payout.objects.get(retry_of=payout)
        self.assertEqual(retry.amount, MINOR)
        return retry

    def test_the_money_is_taken_again(self) -> None:
        payout = self.wrongly_failed()
        (event,) = self.bring_payout(payout)
        self.assertEqual(event.status, "applied")
        self.assert_payout(payout, "completed", paid=MINOR, released=0)
        self.assert_told(payout, "created", "failed", "completed")
        self.assert_balances(available=9_900_00, payout_hold=0)
        self.assert_clean()

    def test_asked_again_and_not_out_yet_that_one_is_frozen(self) -> None:
        payout = self.wrongly_failed()
        retry = self.asked_again(payout)
        (event,) = self.bring_payout(payout)
        self.assertEqual((event.status, event.token_ok), ("quarantined", True))
        self.assertIn(
            f"MONEY MAY BE OUT TWICE: late success, and the payout was asked for again: {retry.reference}", event.note
        )
        self.assert_payout(payout, "failed", released=MINOR)
        self.assert_tries(retry, (1, "cancelled"))
        self.assert_payout(retry, "pending", pending_reason="reconciling")
        self.assertEqual((start_payouts(), send_out()), (0, 0))
        self.assert_balances(available=9_900_00, payout_hold=MINOR)
        self.assert_clean()
        # Two people: the first one was paid, the second never left.
        late = MoneyOp.objects.get(payout=payout)
        self.assertEqual({doubt.why for doubt in doubts("test")}, {"paid after all?", "stopped"})
        self.assert_refused("state_conflict", "paid", propose, late.id, FAILED, actor="amina")
        row = propose(late.id, paid_as(), actor="amina")
        self.assert_refused("state_conflict", "asked for again", confirm, row.id, actor="juma")
        self.decided(part_of(retry), FAILED)
        confirm(row.id, actor="juma")
        self.assert_payout(payout, "completed", paid=MINOR, released=0)
        self.assert_payout(retry, "failed", released=MINOR)
        self.assert_balances(available=9_900_00, payout_hold=0, owed=0)
        self.assertEqual(doubts("test"), [])
        self.assert_clean()

    def test_asked_again_and_waiting_for_a_second_person_that_one_is_called_off(self) -> None:
        payout = self.wrongly_failed()
        with self.settings(PAYOUT_APPROVAL_ABOVE=1):
            retry = self.asked_again(payout)
        (event,) = self.bring_payout(payout)
        self.assertEqual(event.status, "quarantined")
        self.assert_payout(retry, "cancelled", released=MINOR)
        self.decided(MoneyOp.objects.get(payout=payout), paid_as())
        self.assert_payout(payout, "completed", paid=MINOR)
        self.assert_balances(available=9_900_00, payout_hold=0)
        self.assert_clean()

    def test_asked_again_and_out_already_people_decide(self) -> None:
        payout = self.wrongly_failed()
        retry = self.asked_again(payout)
        start_payouts()
        self.assertEqual(send_out(), 1)
        (event,) = self.bring_payout(payout)
        self.assertEqual(event.status, "quarantined")
        self.assert_tries(retry, (1, "accepted"))
        self.bring_payout(retry)
        self.assert_payout(retry, "completed", paid=MINOR)
        self.decided(MoneyOp.objects.get(payout=payout), paid_as("UKL6666661"))
        self.assert_payout(payout, "completed", paid=MINOR)
        self.assert_balances(available=9_800_00, payout_hold=0)
        self.assert_clean()

    def test_asked_again_in_parts_of_which_one_is_out(self) -> None:
        """The other stays here; closed by people, its money is back while the first is still on its way."""
        payout = self.wrongly_failed()
        retry = self.asked_again(payout)
        with self.settings(PAYOUT_PART_LIMIT=50_00):
            start_payouts()
        sending = take_one()
        assert sending is not None
        send(sending)
        self.bring_payout(payout)
        self.assert_tries(retry, (1, "accepted"), (2, "cancelled"))
        self.decided(part_of(retry, 2), FAILED)
        self.assert_payout(retry, "pending", released=50_00, paid=0)
        self.assert_clean()
        self.bring_payout(retry, part=1)
        self.assert_payout(retry, "failed", released=50_00, paid=50_00)
        self.assert_balances(available=9_950_00, payout_hold=0)
        self.assert_clean()

    def test_a_newer_try_of_the_same_payout_fails_and_the_earlier_had_paid(self) -> None:
        """The word that was kept apart is applied, and nothing is sent a third time."""
        self.float_of("0")
        payout = self.sent_payout()
        self.bring_payout(payout)
        first = MoneyOp.objects.get(payout=payout, status="failed")
        self.long_after(payout, minutes=20)
        self.assertEqual(send_out(), 1)
        self.assert_tries(payout, (1, "failed"), (1, "accepted"))
        late = self.tell_of(first, TransactionAmount=100, receipt="UKL8888881")
        self.assertEqual(late.status, "quarantined")
        second = part_of(payout)
        self.bring_payout(payout, part=1)
        self.assert_tries(payout, (1, "succeeded"), (1, "failed"))
        self.assert_payout(payout, "completed", paid=MINOR, receipt="UKL8888881")
        self.assertEqual(MoneyOp.objects.get(id=second.id).status, "failed")
        late.refresh_from_db()
        self.assertEqual(late.status, "applied")
        self.assertEqual((start_payouts(), send_out()), (0, 0))
        self.assert_clean()
