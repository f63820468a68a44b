"""`manage.py limits`: the operator's word, shown, changed, refused when it means nothing, and written down."""

from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.test import TestCase

from audit.models import AuditEvent
from merchants.models import Merchant, MerchantLimits
from merchants.tests.factories import make_limits, make_merchant
from onpoint_pay.kit.caller import LIVE, TEST
from onpoint_pay.kit.ids import new_id, to_public
from webhooks.models import Event


class Limits(TestCase):
    merchant: Merchant

    def setUp(self) -> None:
        self.merchant = make_merchant()

    def call(self, *arguments: str, merchant: str | None = None) -> str:
        out = StringIO()
        call_command("limits", merchant or self.merchant.public_id, *arguments, stdout=out)
        return out.getvalue()

    def row(self, mode: str) -> MerchantLimits:
        return MerchantLimits.objects.get(merchant=self.merchant, mode=mode)

    def test_it_shows_and_changes_nothing(self) -> None:
        make_limits(self.merchant, mode=LIVE, own_per_day=100_00, cap_per_day=500_00, rates={"initiate": "600/1m"})
        told = self.call()
        self.assertIn("test mode\n  largest payment: 250000.00 (cap 250000.00)\n  payments of one day: no limit", told)
        self.assertIn("payments of one day: 100.00 (own 100.00, cap 500.00)", told)
        self.assertIn("  initiate: 600 in 60 s", told)
        self.assertEqual((MerchantLimits.objects.count(), AuditEvent.objects.count(), Event.objects.count()), (1, 0, 0))

    def test_both_modes_or_one(self) -> None:
        self.call("--per-day", "500000", "--payments-per-payer-day", "4", "--rate", "prompt=5/5m")
        self.call("--mode", "live", "--largest", "70000", "--per-day", "default")
        test, live = self.row(TEST), self.row(LIVE)
        self.assertEqual((test.cap_per_day, test.cap_largest, test.rates), (500_000_00, None, {"prompt": "5/5m"}))
        self.assertEqual((live.cap_per_day, live.cap_largest, live.cap_payments_per_payer_day), (None, 70_000_00, 4))
        self.assertEqual((test.version, live.version, live.changed_by), (2, 3, "operator"))
        kinds = AuditEvent.objects.filter(action="merchant.limits_changed").values_list("actor", flat=True)
        self.assertEqual(list(kinds), ["operator"] * 3)
        events = Event.objects.filter(type="merchant.limits_changed").values_list("mode", flat=True)
        self.assertEqual(sorted(events), [LIVE, LIVE, TEST])

    def test_a_rate_is_given_back(self) -> None:
        self.call("--rate", "api=900/1m", "--rate", "status=900/1m")
        self.call("--rate", "api=default")
        self.assertEqual(self.row(TEST).rates, {"status": "900/1m"})

    def test_what_the_merchant_set_stays(self) -> None:
        make_limits(self.merchant, own_per_day=900_00)
        told = self.call("--mode", "test", "--per-day", "100")
        self.assertIn("payments of one day: 100.00 (own 900.00, cap 100.00)", told)

    def test_what_means_nothing(self) -> None:
        cases: list[tuple[str, ...]] = [
            ("--per-day", "0"),
            ("--per-day", "-5"),
            ("--per-day", "10.50"),
            ("--per-day", "lots"),
            ("--per-day", "1e9"),
            ("--payments-per-payer-day", "0"),
            ("--payments-per-payer-day", "1.5"),
            ("--payments-per-payer-day", "9999999"),
            ("--rate", "login=99/1s"),
            ("--rate", "auth=99/1s"),
            ("--rate", "nothing=5/1m"),
            ("--rate", "api"),
            ("--rate", "api=0/1m"),
            ("--rate", "api=5"),
            ("--mode", "production"),
        ]
        for arguments in cases:
            with self.subTest(arguments), self.assertRaises(CommandError):
                self.call("=".join(arguments) if arguments[1].startswith("-") else arguments[0], *self._rest(arguments))
        for name in (to_public("mer", new_id()), to_public("usr", self.merchant.id), "nobody"):
            with self.subTest(name), self.assertRaises(CommandError):
                self.call("--per-day", "5", merchant=name)
        self.assertEqual((MerchantLimits.objects.count(), AuditEvent.objects.count(), Event.objects.count()), (0, 0, 0))

    def _rest(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        return () if arguments[1].startswith("-") else arguments[1:]

    def test_the_help_is_whole(self) -> None:
        from merchants.management.commands.limits import Command

        told = Command().create_parser("manage.py", "limits").format_help()
        words: Any = ("--largest", "--per-day", "--per-month", "--per-payer-day", "--payments-per-payer-day", "--rate")
        for word in (*words, "--mode", "initiate=600/1m", "PAYMENT_PER_DAY", "prompt_day", "default"):
            self.assertIn(word, told)
