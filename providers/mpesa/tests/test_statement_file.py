"""The organisation statement of M-Pesa as a file, in the portal's own columns."""

import unittest
from datetime import UTC, datetime

from onpoint_pay.kit.entries import (
    CHARGE,
    IN,
    OTHER,
    OUT,
    PAYOUT,
    RECEIPT,
    REVERSAL,
    Entry,
    FileRefused,
    Head,
    Skipped,
    Unreadable,
)
from onpoint_pay.kit.money import Money
from providers.mpesa.statement_file import kind_of, read_pull, read_statement

HEAD = b"""\xef\xbb\xbfOrganization Name:,ONPOINT DEMO,Short Code:,600123
Time Period:,From 20-11-2026 00:00:00 To 20-11-2026 23:59:59
Opening Balance:,"1,000.00",Closing Balance:,"2,450.00"

"""
COLUMNS = (
    b"Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,"
    b"Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.\r\n"
)
ROW = (
    b'UKK7Q2M9XB,20-11-2026 10:31:02,20-11-2026 10:31:00,Pay Bill from 254712345678 - AMINA,Completed,"1,500.00",,'
    b'"2,500.00",true,Pay Bill Online,254712345678 - AMINA OTIENO,,ABCDEF123456\r\n'
)
CHARGE_ROW = (
    b"UKK7Q2M9XB,20-11-2026 10:31:02,,Pay Bill Charge,Completed,,-50.00,2450.00,true,Pay Bill Charge,"
    b"254712345678 - AMINA OTIENO,,\r\n"
)


def read(body: bytes) -> list[object]:
    return list(read_statement(body.splitlines(keepends=True)))


class Statement(unittest.TestCase):
    def test_head_and_movements(self) -> None:
        head, came, charge = read(HEAD + COLUMNS + ROW + CHARGE_ROW)
        assert isinstance(head, Head) and isinstance(came, Entry) and isinstance(charge, Entry)  # noqa: S101
        self.assertEqual((head.account, head.opening, head.closing), ("600123", 100000, 245000))
        self.assertEqual(head.start, datetime(2026, 11, 19, 21, tzinfo=UTC))
        self.assertEqual(head.end, datetime(2026, 11, 20, 21, tzinfo=UTC))
        self.assertEqual(
            (came.external_id, came.direction, came.money, came.kind), ("UKK7Q2M9XB", IN, Money(150000), RECEIPT)
        )
        self.assertEqual(came.occurred_at, datetime(2026, 11, 20, 7, 31, 2, tzinfo=UTC))
        self.assertEqual(
            (came.account_reference, came.party, came.balance_after), ("ABCDEF123456", "254712345678", 250000)
        )
        self.assertEqual((charge.direction, charge.money, charge.kind), (OUT, Money(5000), CHARGE))
        self.assertEqual(charge.linked_id, "UKK7Q2M9XB")

    def test_the_payers_words_stand_in_the_details_of_older_files(self) -> None:
        older = COLUMNS.replace(b",A/C No.", b"")
        row = ROW.replace(b",ABCDEF123456", b"").replace(b"AMINA,Comp", b"AMINA Acc. INV-20418,Comp")
        _, line = read(older + row)
        assert isinstance(line, Entry)  # noqa: S101
        self.assertEqual(line.account_reference, "INV-20418")

    def test_declined_lines_moved_nothing(self) -> None:
        _, line = read(COLUMNS + ROW.replace(b"Completed", b"Declined"))
        self.assertIsInstance(line, Skipped)

    def test_lines_that_cannot_be_read(self) -> None:
        spoilt = (
            ROW.replace(b"1,500.00", b"1,5OO.00"),
            ROW.replace(b"20-11-2026 10:31:02", b"yesterday"),
            ROW.replace(b"UKK7Q2M9XB", b"??"),
            ROW.replace(b'"1,500.00"', b""),
            ROW.replace(b'"1,500.00"', b'"1,500.00'),
            b"UKK7Q2M9XB,20-11-2026\r\n",
        )
        for body in spoilt:
            with self.subTest(body=body):
                items = read(COLUMNS + body + CHARGE_ROW)
                self.assertIsInstance(items[1], Unreadable)
                self.assertIsInstance(items[2], Entry)

    def test_other_files_are_refused(self) -> None:
        for body in (
            b"",
            b"a,b\n" * 60,
            (COLUMNS + ROW).replace(b",", b";"),
            (COLUMNS + ROW).decode().encode("utf-16"),
        ):
            with self.subTest(body=body[:20]), self.assertRaises(FileRefused):
                read(body)

    def test_what_a_reversal_undoes_when_only_its_words_name_it(self) -> None:
        """A receipt may hold no digit at all; a word in capitals is taken for one only where no better stands."""
        cases = {
            "Reversal of UKK7Q2M9XB": "UKK7Q2M9XB",
            "Reversal of UKKAQZMOXB": "UKKAQZMOXB",
            "REVERSAL OF WITHDRAWAL UKK7Q2M9XB": "UKK7Q2M9XB",
            "Reversal of UKK7Q2M9XB, again UKK7Q2M9XB": "UKK7Q2M9XB",
            "Reversal of UKK7Q2M9XB and UKK7Q2M9XC": "",
            "REVERSAL OF WITHDRAWAL UKKAQZMOXB": "",
            "Reversal UKK8AAAAAA": "",
        }
        for words, undone in cases.items():
            with self.subTest(words=words):
                row = f'UKK8AAAAAA,20-11-2026 10:32:00,,"{words}",Completed,,-10.00,2440.00,true,Reversal,,,\r\n'
                _, entry = read(HEAD + COLUMNS + row.encode())
                assert isinstance(entry, Entry)  # noqa: S101
                self.assertEqual((entry.kind, entry.linked_id), (REVERSAL, undone))

    def test_kinds(self) -> None:
        cases = [
            ("Business Payment to Customer via API", OUT, PAYOUT),
            ("Business Payment Charge", OUT, CHARGE),
            ("Pay Bill Reversal", OUT, REVERSAL),
            ("Reversal of Business Payment", IN, REVERSAL),
            ("Transfer from Working Account to Utility Account", IN, OTHER),
            ("Organization Settlement", OUT, OTHER),
            ("Customer Merchant Payment", IN, RECEIPT),
            ("words nobody has seen", IN, RECEIPT),
            ("words nobody has seen", OUT, OTHER),
        ]
        for words, direction, kind in cases:
            self.assertEqual(kind_of(words, direction), kind, words)


class Pull(unittest.TestCase):
    def test_rows(self) -> None:
        body = (
            b'{"ResponseCode": "1000", "Response": [[{"transactionId": "UKE7Q2M9XB", "trxDate": "2026-11-14T10:31:02Z",'
            b'"msisdn": 708374149, "transactiontype": "c2b-pay-bill-debit", "billreference": "INV-1", "amount": "15.00"},'
            b'{"transactionId": "UKE7Q2M9XC", "amount": "x"}, 7]]}'
        )
        _, line, unread, other = read_pull([body])
        assert isinstance(line, Entry)  # noqa: S101
        self.assertEqual((line.external_id, line.money.minor, line.account_reference), ("UKE7Q2M9XB", 1500, "INV-1"))
        self.assertEqual(line.occurred_at, datetime(2026, 11, 14, 7, 31, 2, tzinfo=UTC))
        self.assertIsInstance(unread, Unreadable)
        self.assertIsInstance(other, Unreadable)

    def test_something_else(self) -> None:
        for body in (b"", b"[]", b'{"Response": 7}', b"<html>"):
            with self.assertRaises(FileRefused):
                list(read_pull([body]))
