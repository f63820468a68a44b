"""Files for banks: exported once and frozen, results applied once, money that comes back is the merchant's again."""

from datetime import date
from hashlib import sha256
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from django.core.management import CommandError, call_command
from django.db import InternalError, ProgrammingError, transaction
from django.test import override_settings

from merchants.tests.factories import key_headers, make_api_key
from merchants.tests.threads import at_once
from onpoint_pay.kit.errors import Invalid
from payments.models import MoneyOp, ProviderEvent
from payments.services.bank_files import content_of, export_file, name_of
from payments.services.bank_results import Import, import_results
from payments.services.out_sending import send_out
from payments.services.payout_start import start_payouts
from payments.services.sweep import sweep
from payments.tests.payout_base import MINOR, CommittingSentPayoutTestCase, part_of
from settlements.models import BankFile, BankResult, Payout
from settlements.tests.payouts import BANK, PAYBILL, keyed, public
from webhooks.models import Event

DAY = date(2026, 11, 21)
HELD = {("available", "D"): MINOR, ("payout_hold", "C"): MINOR}
PAID = {("payout_hold", "D"): MINOR, ("bank", "C"): MINOR}
BACK = {("bank", "D"): MINOR, ("available", "C"): MINOR}


class BankFileTestCase(CommittingSentPayoutTestCase):
    def export(self, route: str = "bank", account: str = "main", *, day: date = DAY) -> BankFile:
        file = export_file(route, account, mode="test", day=day, actor="tests")
        assert file is not None
        return file

    def exported(self, **fields: Any) -> Payout:
        payout = self.payout(**({"destination": BANK} | fields))
        self.export()
        return payout

    def told_by_bank(self, *lines: str) -> Import:
        text = "line,result,amount,receipt,reason\n" + "\n".join(lines) + "\n"
        return import_results(text.encode(), mode="test", actor="tests")


class Export(BankFileTestCase):
    def test_the_lines_of_a_day(self) -> None:
        first, second = self.payout(destination=BANK), self.payout(amount="50.25", destination=BANK, reason="=SUM(A1)")
        file = self.export()
        self.assertEqual(
            (file.number, file.lines, file.amount, name_of(file)), (1, 2, 150_25, "bank-main-test-20261121-00001.csv")
        )
        header, one, two = content_of(file).decode().splitlines()
        self.assertEqual(header.split(",")[:3], ["line", "payout", "type"])
        self.assertEqual(
            one, f"{first.reference}-1-1,{public(first)},bank,01,100,,1234567890,Duka Bora Ltd,100.00,KES,Earnings"
        )
        self.assertTrue(two.endswith("50.25,KES,'=SUM(A1)"))
        self.assertEqual(sha256(content_of(file)).hexdigest(), file.sha256)
        self.assertNotIn("1234567890", file.sealed)
        self.assert_tries(second, (1, "accepted"))
        self.assert_payout(first, "pending", pending_reason="awaiting_file")
        self.assertEqual((send_out(), sweep()), (0, 0), "nobody sends it, and nobody can be asked")
        self.assert_clean()

    def test_F29_exported_again_it_has_the_same_bytes(self) -> None:
        self.payout(destination=BANK)
        first = self.export()
        content = content_of(first)
        late = self.payout(destination=BANK)
        again = self.export()
        self.assertEqual((again.id, content_of(again)), (first.id, content))
        next_day = self.export(day=date(2026, 11, 22))
        self.assertEqual((next_day.number, next_day.lines), (2, 1))
        self.assertIn(late.reference, content_of(next_day).decode())

    def test_a_file_is_frozen(self) -> None:
        self.payout(destination=BANK)
        file = self.export()
        for change in (lambda: BankFile.objects.update(amount=1), lambda: BankFile.objects.all().delete()):
            with self.assertRaises((InternalError, ProgrammingError)), transaction.atomic():
                change()
        self.assertEqual(BankFile.objects.get().sha256, file.sha256)

    def test_nothing_waits(self) -> None:
        self.assertIsNone(export_file("bank", "main", mode="test", day=DAY, actor="tests"))
        with override_settings(PAYOUT_APPROVAL_ABOVE=1):
            self.payout(destination=BANK)
        self.assertIsNone(export_file("bank", "main", mode="test", day=DAY, actor="tests"))
        self.assertFalse(BankFile.objects.exists())

    def test_each_account_and_mode_has_its_own(self) -> None:
        self.payout(destination=BANK)
        with override_settings(PAYOUT_BANK_ACCOUNT="second"):
            self.payout(destination=BANK)
        self.assertIsNone(export_file("bank", "main", mode="live", day=DAY, actor="tests"))
        self.assertEqual([self.export().lines, self.export(account="second").number], [1, 1])

    def test_paybills_and_tills_go_into_a_list_for_the_portal(self) -> None:
        paybill = self.payout(destination=PAYBILL)
        till = self.payout(destination={"type": "till", "number": "522533"})
        self.assertIsNone(export_file("bank", "main", mode="test", day=DAY, actor="tests"))
        file = self.export("b2b", "daraja:174379")
        rows = [line.split(",") for line in content_of(file).decode().splitlines()[1:]]
        self.assertEqual(
            [(row[2], row[5], row[6]) for row in rows], [("paybill", "522522", "ACC-7"), ("till", "522533", "")]
        )
        self.told_by_bank(f"{part_of(paybill).client_ref},paid,100,UKL0000009,")
        done = {("payout_hold", "D"): MINOR, ("provider_float", "C"): MINOR}
        self.assert_posted(paybill, hold=HELD, done=done)
        self.assert_payout(paybill, "completed", receipt="UKL0000009")
        self.assert_payout(till, "pending", pending_reason="awaiting_file")
        self.assertEqual(self.book(), [])
        self.assert_clean()


class Results(BankFileTestCase):
    def test_confirmed(self) -> None:
        payout = self.exported()
        found = self.told_by_bank(f"{part_of(payout).client_ref},paid,100.00,FT26325,")
        self.assertEqual(dict(found.counts), {"applied": 1})
        self.assert_payout(payout, "completed", receipt="FT26325", paid=MINOR)
        self.assert_posted(payout, hold=HELD, done=PAID)
        self.assert_told(payout, "created", "completed")
        self.assert_clean()

    def test_refused(self) -> None:
        payout = self.exported()
        self.told_by_bank(f"{part_of(payout).client_ref},failed,,,Account closed")
        found = self.assert_payout(payout, "failed", released=MINOR)
        failure = found.failure or {}
        self.assertEqual((failure["code"], failure["provider_message"]), ("declined", "Account closed"))
        self.assert_balances(available=10_000_00, payout_hold=0)
        self.assert_told(payout, "created", "failed")
        self.assert_clean()

    def test_F29_the_same_results_twice(self) -> None:
        payout = self.exported()
        line = f"{part_of(payout).client_ref},paid,100.00,FT26325,"
        self.told_by_bank(line)
        self.assertTrue(self.told_by_bank(line).is_known)
        self.assertEqual(dict(self.told_by_bank(line, "").counts), {"duplicate": 1})
        self.assert_posted(payout, hold=HELD, done=PAID)
        self.assert_told(payout, "created", "completed")
        self.assertEqual(BankResult.objects.count(), 2)

    def test_F29_a_return_days_later(self) -> None:
        payout = self.exported()
        ref = part_of(payout).client_ref
        self.told_by_bank(f"{ref},paid,100.00,FT26325,")
        found = self.told_by_bank(f"{ref},returned,100.00,FT26400,Wrong account")
        self.assertEqual(dict(found.counts), {"applied": 1})
        self.assert_payout(payout, "returned", paid=MINOR, given_back=MINOR)
        again = self.told_by_bank(f"{ref},returned,100.00,FT26400,Wrong account indeed")
        self.assertEqual(dict(again.counts), {"duplicate": 1})
        self.assert_posted(payout, hold=HELD, done=PAID, **{"return": BACK})
        self.assert_balances(available=10_000_00, payout_hold=0)
        self.assert_told(payout, "created", "completed", "returned")
        self.assert_clean()

    def test_F29_what_does_not_fit_is_kept_for_a_person(self) -> None:
        payout = self.exported()
        ref = part_of(payout).client_ref
        waiting = self.payout(destination=BANK)
        start_payouts()
        for line in (
            "POT20260101AAAAAA-1-1,paid,100,,",
            f"{part_of(waiting).client_ref},paid,100,,",
            f"{ref},paid,99,,",
            f"{ref},returned,100,,",
        ):
            with self.subTest(line=line):
                found = self.told_by_bank(line)
                self.assertEqual((dict(found.counts), len(found.exceptions)), ({"quarantined": 1}, 1))
        self.assertEqual(ProviderEvent.objects.filter(provider="bank", status="quarantined").count(), 4)
        self.assert_payout(payout, "pending", paid=0)
        self.told_by_bank(f"{ref},paid,100,,")
        found = self.told_by_bank(f"{ref},failed,,,")
        self.assertEqual(dict(found.counts), {"quarantined": 1})
        self.assert_payout(payout, "completed", paid=MINOR)
        self.assert_tries(waiting, (1, "created"))
        self.assert_clean()

    def test_F29_what_was_kept_apart_is_looked_at_again_when_it_is_brought_again(self) -> None:
        """A return told before its confirmation, and the answer says: confirm it first."""
        payout = self.exported()
        ref = part_of(payout).client_ref
        back = f"{ref},returned,100.00,FT26400,Wrong account"
        self.assertEqual(dict(self.told_by_bank(back).counts), {"quarantined": 1})
        self.assertEqual(dict(self.told_by_bank(back).counts), {"quarantined": 1})
        self.told_by_bank(f"{ref},paid,100.00,FT26325,")
        self.assertEqual(dict(self.told_by_bank(back).counts), {"applied": 1})
        self.assertTrue(self.told_by_bank(back).is_known)
        self.assert_payout(payout, "returned", paid=MINOR, given_back=MINOR)
        self.assert_posted(payout, hold=HELD, done=PAID, **{"return": BACK})
        self.assert_clean()

    def test_F29_several_bring_the_same_results_at_once(self) -> None:
        """A confirmation and a return of it, from four people: each counts once."""
        payout = self.exported()
        ref = part_of(payout).client_ref
        text = f"line,result,amount,receipt,reason\n{ref},paid,100,FT26325,\n{ref},returned,100,FT26400,x\n".encode()
        at_once(4, lambda _: import_results(text, mode="test", actor="tests"))
        self.assertEqual(BankResult.objects.count(), 1)
        self.assert_posted(payout, hold=HELD, done=PAID, **{"return": BACK})
        self.assert_told(payout, "created", "completed", "returned")
        self.assert_clean()

    def test_F29_several_export_at_once(self) -> None:
        """Whoever is first makes the file; all get the same bytes, and no line is in two."""
        for _ in range(6):
            self.payout(destination=BANK)
        start_payouts()
        files = at_once(4, lambda _: self.export())
        self.assertEqual(len({file.id for file in files}), 1)
        self.assertEqual(len({content_of(file) for file in files}), 1)
        self.assertEqual((BankFile.objects.get().lines, MoneyOp.objects.filter(status="accepted").count()), (6, 6))
        self.assert_clean()

    def test_a_file_that_cannot_be_read_changes_nothing(self) -> None:
        payout = self.exported()
        ref = part_of(payout).client_ref
        for text in (
            b"",
            b"\xff\xfe",
            b"ref,result\nx,paid\n",
            f"line,result\n{ref},paid\n{ref},lost\n".encode(),
            f"line,result,amount\n{ref},paid,x\n".encode(),
            f"line,result\n{ref}\n".encode(),
        ):
            with self.subTest(text=text), self.assertRaises(Invalid):
                import_results(text, mode="test", actor="tests")
        self.assert_payout(payout, "pending", paid=0)
        self.assertFalse(BankResult.objects.exists())
        self.assertFalse(ProviderEvent.objects.filter(provider="bank").exists())

    def test_the_commands(self) -> None:
        payout = self.payout(destination=BANK)
        directory, said = Path(mkdtemp()), StringIO()
        call_command("bank_file", "--mode", "test", "export", str(directory), "--day", "2026-11-21", stdout=said)
        (path,) = directory.iterdir()
        self.assertIn("1 lines, KES 100.00", said.getvalue())
        self.assertEqual(path.read_bytes(), content_of(BankFile.objects.get()))
        results = directory / "results.csv"
        results.write_text(f"line,result\n{part_of(payout).client_ref},paid\n")
        call_command("bank_file", "--mode", "test", "import", str(results), stdout=said)
        self.assert_payout(payout, "completed")
        call_command("bank_file", "--mode", "test", "import", str(results), stdout=said)
        self.assertIn("imported before", said.getvalue())
        results.write_text("line,result\nPOT-1,paid\n")
        with self.assertRaises(CommandError):
            call_command("bank_file", "--mode", "test", "import", str(results), stdout=said)
        results.write_text("line,result\nPOT-1,perhaps\n")
        with self.assertRaisesMessage(CommandError, "line[2].result"):
            call_command("bank_file", "--mode", "test", "import", str(results), stdout=said)


class BatchesOfBoth(BankFileTestCase):
    def test_a_batch_is_complete_when_each_payout_is_closed(self) -> None:
        items = [{"amount": 100, "destination": BANK, "reason": "x"} for _ in range(2)]
        headers = key_headers(make_api_key(self.merchant))
        answer = self.post("payout-batches/", {"description": "Rent", "items": items}, keyed(headers))
        name = answer.json()["id"]
        self.export()
        first, second = MoneyOp.objects.order_by("id").values_list("client_ref", flat=True)
        self.told_by_bank(f"{first},paid,,,")
        self.assertEqual(self.get(f"payout-batches/{name}/", headers).json()["status"], "pending")
        self.told_by_bank(f"{second},failed,,,")
        body = self.get(f"payout-batches/{name}/", headers).json()
        self.assertEqual((body["status"], body["counts"]), ("completed", {"completed": 1, "failed": 1}))
        self.assertEqual(Event.objects.filter(type="payout_batch.completed").count(), 1)
        self.assert_clean()
