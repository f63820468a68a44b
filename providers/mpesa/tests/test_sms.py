"""Receipt codes and amounts in what payers type and paste, in two languages and with all that phones do to text."""

import unittest

from onpoint_pay.kit.money import Money
from providers.mpesa.sms import LONGEST_TEXT, ReceiptClaim, read_claim, receipt_in

CODE = "TK60708BHZ"
PAID = Money(50_000)
PAID_TO_TILL = (
    "TK60708BHZ Confirmed. Ksh500.00 paid to DUKA BORA. on 6/11/25 at 1:02 PM.New M-PESA balance is Ksh1,234.00. "
    "Transaction cost, Ksh0.00. Amount you can transact within the day is 499,500.00."
)
PAID_TO_PAYBILL = (
    "TK60708BHZ Confirmed. Ksh500.00 sent to DUKA BORA for account INV-20418 on 6/11/25 at 1:02 PM New M-PESA balance "
    "is Ksh1,234.00. Transaction cost, Ksh10.00."
)
SWAHILI = (
    "TK60708BHZ Imethibitishwa. Ksh500.00 imelipwa kwa DUKA BORA tarehe 6/11/25 saa 1:02 PM. Salio lako la M-PESA ni "
    "Ksh1,234.00. Gharama ya matumizi ni Ksh0.00."
)
FULIZA = (
    "TK60708BHZ Confirmed. Fuliza M-PESA amount is Ksh 250.00. Access Fee charged Ksh 2.50. Total Fuliza M-PESA "
    "outstanding amount is Ksh252.50 due on 06/12/25."
)


class TypedCodeTests(unittest.TestCase):
    def test_a_code_however_it_is_typed(self) -> None:
        typed = [
            "TK60708BHZ", "tk60708bhz", " TK60708BHZ ", "TK60708BHZ.", "“TK60708BHZ”", "(tk60708bhz)", "*TK60708BHZ*",
            "TK607 08BHZ", "tk6-0708-bhz", "T K 6 0 7 0 8 B H Z", "TK607\u200b08BHZ", "\ufeffTK60708BHZ\u200f",
            "TK60708BHZ\n", "TK60\u00ad708BHZ", "ＴＫ６０７０８ＢＨＺ", "TK607\u00a008BHZ", "> TK60708BHZ",
        ]  # fmt: skip
        for text in typed:
            with self.subTest(text=text):
                self.assertEqual(read_claim(text), ReceiptClaim(receipt=CODE))

    def test_a_code_without_a_digit_alone(self) -> None:
        self.assertEqual(receipt_in("ukeabcdefg"), "UKEABCDEFG")

    def test_older_forms_alone(self) -> None:
        for text in ("BS49OR201", "DT85TH896", "AB123456", "QC34XYZ12345"):
            with self.subTest(text=text):
                self.assertEqual(receipt_in(text.lower()), text)

    def test_a_code_in_a_sentence(self) -> None:
        for text in ("code yangu ni tk60708bhz asante", "My code: TK60708BHZ, thanks", "M-PESA:TK60708BHZ/500"):
            with self.subTest(text=text):
                self.assertEqual(receipt_in(text), CODE)

    def test_what_is_no_code(self) -> None:
        others = [
            "", " ", ".", "hello there", "I have paid already", "nimelipa jana", "0712345678", "254712345678", "500",
            "INV-20418", "TK6070", "TK60708BHZ1234", "TKW0708BHZ now", "TM60708BHZ ok", "Ksh500.00", "\u200b",
            "Confirmed. Ksh500.00 paid to DUKA BORA", "Payment confirmed", "x" * 100_000,
        ]  # fmt: skip
        for text in others:
            with self.subTest(text=text[:40]):
                self.assertIsNone(read_claim(text))

    def test_two_codes_and_nothing_that_says_which(self) -> None:
        self.assertIsNone(receipt_in("TK60708BHZ or TK60708BHX"))
        self.assertEqual(receipt_in("TK60708BHZ, I said tk60708bhz"), CODE)


class SmsTests(unittest.TestCase):
    def test_messages_in_two_languages(self) -> None:
        for text in (PAID_TO_TILL, PAID_TO_PAYBILL, SWAHILI, SWAHILI.replace("Imethibitishwa.", "Imethibitishwa")):
            with self.subTest(text=text):
                self.assertEqual(read_claim(text), ReceiptClaim(receipt=CODE, amount=PAID))

    def test_what_phones_do_to_them(self) -> None:
        changed = [
            PAID_TO_TILL.upper(), PAID_TO_TILL.lower(), PAID_TO_TILL.replace(" ", "\u00a0"),
            PAID_TO_TILL.replace(" ", "\n"), f"> {PAID_TO_TILL}", f"Fwd: MPESA: “{PAID_TO_TILL}”",
            PAID_TO_TILL.replace("BHZ Confirmed", "BHZConfirmed"), PAID_TO_TILL.replace("TK6", "TK\u200b6"),
            PAID_TO_TILL.replace("TK60708BHZ", "TK607 08BHZ"), PAID_TO_TILL.replace("BHZ", "BHZ\n> "),
            f"[6/11, 13:05] Amina: {PAID_TO_TILL}\nNimelipa", f"M-PESA {PAID_TO_TILL}",
            f"Hello, order 55 for 0712345678. {PAID_TO_TILL}",
        ]  # fmt: skip
        for text in changed:
            with self.subTest(text=text[:60]):
                self.assertEqual(read_claim(text), ReceiptClaim(receipt=CODE, amount=PAID))

    def test_amounts(self) -> None:
        written = {
            "Ksh1,500.00": 150_000, "KSH 1500": 150_000, "Ksh.70,000.50": 7_000_050, "KES 20": 2_000, "Kshs 20": 2_000,
            "Ksh5.5": 550, "Ksh1,000,000.00": 100_000_000, "Ksh500/=": 50_000, "Ksh0500": None, "Ksh1.234": None,
            "500": None, "Ksh": None,
        }  # fmt: skip
        for text, minor in written.items():
            with self.subTest(text=text):
                claim = read_claim(f"TK60708BHZ Confirmed. {text} paid to DUKA BORA on 6/11/25")
                self.assertEqual(claim, ReceiptClaim(receipt=CODE, amount=None if minor is None else Money(minor)))

    def test_words_before_the_amount(self) -> None:
        for words in ("You have paid ", "Umelipa ", "\nYou have received ", "on 6/11/25 at 1:02 PM "):
            with self.subTest(words=words):
                claim = read_claim(f"TK60708BHZ Confirmed.{words}Ksh500.00 DUKA BORA")
                self.assertEqual(claim, ReceiptClaim(receipt=CODE, amount=PAID))

    def test_other_sums_of_the_message_are_not_what_was_paid(self) -> None:
        for text in (
            FULIZA,
            "TK60708BHZ Confirmed. New M-PESA balance is Ksh1,234.00",
            "TK60708BHZ Imethibitishwa. Salio ni Ksh9",
        ):
            with self.subTest(text=text):
                self.assertEqual(read_claim(text), ReceiptClaim(receipt=CODE))

    def test_the_code_before_the_word_is_meant(self) -> None:
        self.assertEqual(receipt_in(f"not UAB123456C but this: {PAID_TO_TILL}"), CODE)
        self.assertEqual(receipt_in(f"{SWAHILI} UAB123456C"), CODE)
        reversal = "UAB123456C confirmed. Reversal of transaction TK60708BHZ has been successfully reversed"
        self.assertEqual(receipt_in(reversal), "UAB123456C")

    def test_two_messages(self) -> None:
        self.assertEqual(read_claim(f"{PAID_TO_TILL}\n{PAID_TO_TILL}"), ReceiptClaim(receipt=CODE, amount=PAID))
        self.assertEqual(read_claim(f"{PAID_TO_TILL}\n{FULIZA}"), ReceiptClaim(receipt=CODE, amount=PAID))
        other_amount = PAID_TO_TILL.replace("Ksh500.00", "Ksh900.00")
        self.assertEqual(read_claim(f"{PAID_TO_TILL}\n{other_amount}"), ReceiptClaim(receipt=CODE))
        self.assertIsNone(read_claim(f"{PAID_TO_TILL}\n{PAID_TO_TILL.replace(CODE, 'TK60708BHX')}"))

    def test_an_older_message(self) -> None:
        text = (
            "BS49OR201 Confirmed.\nYou have received Ksh50.00 from\nAMINA OTIENO 254708374149\non 15/10/11 at 11:52 AM"
        )
        self.assertEqual(read_claim(text), ReceiptClaim(receipt="BS49OR201", amount=Money(5_000)))

    def test_only_the_beginning_of_endless_text_is_read(self) -> None:
        self.assertEqual(receipt_in(f"{PAID_TO_TILL} {'x ' * LONGEST_TEXT}"), CODE)
        self.assertIsNone(receipt_in(f"{'x ' * LONGEST_TEXT} {PAID_TO_TILL}"))
