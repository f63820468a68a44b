"""What the tests of hostile writes share: acting as the application, and seeing that nothing has moved."""

from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.test import TransactionTestCase

from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.db import role_exists
from payments.services.proof import prove
from payments.tests.factories import make_payment
from settlements.models import LedgerAccount
from settlements.tests.base import execute, pay
from settlements.tests.test_roles import as_application

DENIED = "permission denied"
TABLES = (
    "ledger_account",
    "ledger_transfer",
    "ledger_entry",
    "ledger_kind",
    "state_history",
    "state_rule",
    "audit_event",
    "audit_head",
)
# Everything a forger could want to have changed, as one text.
PICTURE = """SELECT string_agg(row, '|') FROM (
  SELECT 'a' || a::text AS row FROM ledger_account a UNION ALL SELECT 't' || t::text FROM ledger_transfer t
  UNION ALL SELECT 'e' || e::text FROM ledger_entry e UNION ALL SELECT 'k' || k::text FROM ledger_kind k
  UNION ALL SELECT 'h' || h::text FROM state_history h UNION ALL SELECT 'r' || r::text FROM state_rule r
  UNION ALL SELECT 'v' || v::text FROM audit_event v UNION ALL SELECT 'd' || d::text FROM audit_head d
  ORDER BY 1) rows"""
POST = "SELECT ledger_post(%s, 'forged', %s, %s, %s, %s::ledger_leg[])"


def leg(account: int, side: str, amount: int) -> str:
    return f'"({account},{side},{amount})"'


class Hostile(TransactionTestCase):
    def setUp(self) -> None:
        with connection.cursor() as cursor:
            if not role_exists(cursor, settings.DATABASE_APP_ROLE):
                self.skipTest("one role does everything on this server")
        self.merchant, self.other = make_merchant(), make_merchant()
        self.payment = make_payment(self.merchant, status="completed")
        pay(self.other, 500_00)
        pay(self.merchant, 500_00, mode="live")
        self.before = execute(PICTURE)

    def account(self, kind: str, merchant: Merchant | None = None, *, mode: str = "test") -> int:
        rows = LedgerAccount.objects.filter(kind=kind, merchant=merchant, mode=mode).order_by("id")
        return rows.values_list("id", flat=True)[0]

    @property
    def pending(self) -> int:
        return self.account("pending", self.merchant)

    @property
    def cash(self) -> int:
        return self.account("provider_float")

    def assert_refused(self, *statements: str, by: str, values: tuple[object, ...] = ()) -> None:
        """The last of the statements, or the commit, is refused in words or by a constraint that hold `by`."""
        with as_application(), self.assertRaises(DatabaseError) as refused, transaction.atomic():
            for statement in statements[:-1]:
                execute(statement)
            execute(statements[-1], *values)
        diagnosis: Any = refused.exception.__cause__.diag  # type: ignore[union-attr]
        said = f"{diagnosis.constraint_name} {diagnosis.message_primary}"
        self.assertIn(by, said)
        self.assertEqual(execute(PICTURE), self.before)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def assert_post_refused(
        self,
        *legs: str,
        by: str,
        merchant: Merchant | None = None,
        idem: str = "forged:1",
        mode: str = "test",
        currency: str = "KES",
    ) -> None:
        values = (idem, (merchant or self.merchant).id, currency, mode, "{" + ",".join(legs) + "}")
        self.assert_refused(POST, by=by, values=values)
