"""Sealing anew what is fixed for good: payouts, destinations, files for banks, statements. Only their key changes."""

from django.db import DatabaseError, transaction

from audit.services.keys import reseal
from onpoint_pay.kit import data_keys
from onpoint_pay.kit.ids import from_public
from payments.services.bank_files import content_of
from payments.tests.test_bank_files import BankFileTestCase
from settlements.models import BankFile, BankResult, Payout, PayoutDestination, ReconFile
from settlements.services.destinations import details_of, target_of
from settlements.services.recon_import import original_bytes
from settlements.tests.base import execute
from settlements.tests.payouts import make_destination
from settlements.tests.recon import Paper, bring, next_code

SEALED = {
    "bank_file": "sealed",
    "bank_result": "sealed",
    "payout_destination": "sealed",
    "payouts": "destination_sealed",
    "recon_file_part": "convert_from(body, 'UTF8')",
}


class Resealing(BankFileTestCase):
    def setUp(self) -> None:
        super().setUp()
        payout = self.exported()
        self.told_by_bank(f"{payout.reference}-1-1,paid,100.00,FT1,")
        self.kept = from_public("dst", make_destination(self.merchant, "test"))
        paper = Paper()
        paper.add(next_code(), 100_00)
        bring(paper.text())

    def texts(self) -> dict[str, list[str]]:
        return {
            table: [text for (text,) in execute(f"SELECT {column} FROM {table} ORDER BY 1")]
            for table, column in SEALED.items()
        }

    def in_clear(self) -> list[object]:
        data_keys.forget()
        return [
            [details_of(payout) for payout in Payout.objects.order_by("id")],
            target_of(PayoutDestination.objects.get(id=self.kept)).details,
            content_of(BankFile.objects.get()),
            b"".join(original_bytes(ReconFile.objects.get().id)),
        ]

    def rest(self) -> list[object]:
        """Everything else of these rows."""
        columns = {table: "body" if table == "recon_file_part" else column for table, column in SEALED.items()}
        return [
            execute(f"SELECT to_jsonb(t) - '{column}' FROM {table} t ORDER BY 1") for table, column in columns.items()
        ]

    def test_only_the_key_changes_and_everything_opens(self) -> None:
        texts, clear, rest = self.texts(), self.in_clear(), self.rest()
        found = reseal(actor="tests", new_data_keys=True)
        self.assertEqual(found.broken, {})
        for table in SEALED:
            with self.subTest(table=table):
                self.assertTrue(texts[table])
                self.assertFalse({*texts[table]} & {*self.texts()[table]})
                done = sum(rows for place, rows in found.done.items() if place.startswith(f"{table}."))
                self.assertEqual(done, len(texts[table]))
        self.assertEqual((self.in_clear(), self.rest()), (clear, rest))
        self.assertEqual(sum(reseal(actor="tests").done.values()), 0)

    def test_nothing_else_may_be_put_in_its_place(self) -> None:
        reseal(actor="tests", new_data_keys=True)
        (old, new), texts = execute("SELECT min(id), max(id) FROM data_key")[0], self.texts()
        more = {"payouts": "reason = 'x'", "payout_destination": "label = 'x'"}
        for table, column in SEALED.items():
            if table == "recon_file_part":
                continue
            for change in (
                f"{column} = 'clear'",
                f"{column} = 'v1.k1.AAAA'",
                f"{column} = 'v2.{new + 1000}.AAAA'",
                f"{column} = {column} || 'A'",
                f"{column} = 'v2.{old}.AAAA', {more.get(table, 'sha256 = md5(sha256)')}",
            ):
                self.assert_refused(f"UPDATE {table} SET {change}")
            self.assert_refused(f"DELETE FROM {table}")
        self.assertEqual(self.texts(), texts)
        self.assertEqual(BankResult.objects.count(), 1)

    def assert_refused(self, statement: str) -> None:
        with self.subTest(statement=statement), self.assertRaises(DatabaseError), transaction.atomic():
            execute(statement)
