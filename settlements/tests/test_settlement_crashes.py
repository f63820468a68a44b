"""Settlement killed between any two steps, run twice, and run by several processes: the same batches to the cent."""

import os
import signal
import subprocess
import sys
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from payments.services.proof import prove
from settlements.models import LedgerTransfer, Settlement, SettlementLine
from settlements.services.batches import run_settlement
from settlements.services.profiles import set_profile
from settlements.tests.base import balance
from settlements.tests.settlements import MONDAY, TUESDAY, give_back_on, pay_on
from webhooks.models import Event

# Another process: it begins when it is told to, and dies by kill -9 as soon as one of these is called the nth time.
CHILD = """
import os, signal, sys
import django
django.setup()
from django.db import connection
from settlements.services import batches, settlement_release
from settlements.services.settling import settle
from datetime import date

where, nth = sys.argv[1], int(sys.argv[2])
calls = 0

def deadly(real):
    def call(*args, **more):
        global calls
        calls += 1
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **more)
    return call

if where:
    room, name = where.rsplit(".", 1)
    module = {"batches": batches, "release": settlement_release}[room]
    setattr(module, name, deadly(getattr(module, name)))
connection.ensure_connection()
sys.stdin.readline()
settle(day=date(2026, 6, 8))
"""
STEPS = (
    *("batches.open_batch", "batches.announce", "batches.close_open", "batches._broken", "batches._close"),
    *("batches.release", "release._take", "release._post_release", "release._return_reserves", "release.announce"),
)
MERCHANTS = 3


def open_child(where: str = "", nth: int = 1) -> subprocess.Popen[bytes]:
    """A process that settles this test's own database."""
    database = connection.settings_dict
    password = quote(database["PASSWORD"], safe="")
    url = f"postgres://{quote(database['USER'])}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    environ = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "onpoint_pay.settings"}
    command = [sys.executable, "-c", CHILD, where, str(nth)]
    return subprocess.Popen(command, env=environ, cwd=settings.BASE_DIR, stdin=subprocess.PIPE)


def run_together(*children: subprocess.Popen[bytes]) -> list[int]:
    """Let them begin at once; how each ended."""
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.close()
    return [child.wait(timeout=120) for child in children]


class CrashCase(TransactionTestCase):
    merchants: list[Merchant]

    def setUp(self) -> None:
        self.merchants = [make_merchant() for _ in range(MERCHANTS)]
        for number, merchant in enumerate(self.merchants, 1):
            set_profile(merchant.id, actor="tests", reserve_bps=500, reserve_days=30)
            for amount in range(1, 21):
                pay_on(merchant, amount * 100 + number, fee=amount, day=MONDAY)
            give_back_on(merchant, 3_33, day=MONDAY)
            pay_on(merchant, 9_99, day=TUESDAY)

    def wanted(self, number: int) -> tuple[int, int, int]:
        """Total, reserve and available of the merchant with this number."""
        total = sum(amount * 100 + number - amount for amount in range(1, 21)) - 3_33
        reserve = round(total * 5 / 100)
        return total, reserve, total - reserve

    def assert_settled_once(self) -> None:
        for number, merchant in enumerate(self.merchants, 1):
            row = Settlement.objects.get(merchant=merchant)
            self.assertEqual((row.total, row.reserve, row.available), self.wanted(number))
            self.assertEqual((row.status, row.lines.count()), ("closed", 21))
            self.assertEqual(balance("available", merchant), row.available)
            self.assertEqual(balance("pending", merchant), 9_99)
        self.assertEqual(LedgerTransfer.objects.filter(kind="settlement_release").count(), MERCHANTS)
        self.assertEqual(SettlementLine.objects.count(), 21 * MERCHANTS)
        for name in ("created", "closed"):
            self.assertEqual(Event.objects.filter(type=f"settlement.{name}").count(), MERCHANTS)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])


class Killed(CrashCase):
    def test_between_any_two_steps_the_next_run_ends_the_same(self) -> None:
        # Each step of the first merchant or of the second in turn, on what the earlier deaths have left.
        for number, where in enumerate(STEPS):
            with self.subTest(step=where):
                (ended,) = run_together(open_child(where, 1 + number % 2))
                self.assertIn(ended, (-signal.SIGKILL, 0))
        run_settlement(day=MONDAY)
        self.assert_settled_once()

    def test_each_kind_of_death_on_untouched_books(self) -> None:
        for where in ("batches.announce", "release.announce"):
            (ended,) = run_together(open_child(where, 2))
            self.assertEqual(ended, -signal.SIGKILL)
        run_settlement(day=MONDAY)
        self.assert_settled_once()
        run_settlement(day=MONDAY)
        self.assert_settled_once()


class Together(CrashCase):
    def test_three_processes_at_once(self) -> None:
        self.assertEqual(run_together(*[open_child() for _ in range(3)]), [0, 0, 0])
        self.assert_settled_once()
