"""Somebody in the application's place puts tables of their own in front of the true ones, or tries what only others may."""

from datetime import datetime, timedelta
from io import StringIO

import psycopg2
from django.db import DatabaseError, connection, transaction

from merchants.models import Merchant
from onpoint_pay.kit.clock import NAIROBI, now
from onpoint_pay.kit.ids import new_id
from payments.services.proof import prove
from settlements.fees import Rule, Terms
from settlements.guards import DOORS
from settlements.models import FeePlanVersion, LedgerTransfer, Settlement
from settlements.services.batches import run_settlement
from settlements.services.fee_plans import set_plan
from settlements.tests.base import execute, pay
from settlements.tests.hostile import DENIED, PICTURE, Hostile, leg
from settlements.tests.settlements import MONDAY, NOON, move_to
from settlements.tests.test_roles import as_application

FORGE = "SELECT public.ledger_post(%s, 'forged', %s, 'KES', 'test', %s::public.ledger_leg[])"
# The caller's own tables of these names are found before the true ones, by whatever does not say where it looks.
FRONT = "SET LOCAL search_path = pg_temp, public, pg_catalog"


class InFront(Hostile):
    """Guards that read tables read the true ones."""

    def settled(self) -> Settlement:
        """A closed batch of the merchant; the books as they are then."""
        assert self.payment.capture_transfer_id is not None
        move_to(self.payment.capture_transfer_id, datetime.combine(MONDAY, NOON, NAIROBI))
        (row,) = run_settlement(day=MONDAY, merchant_id=self.merchant.id)
        self.assertEqual(row.status, "closed")
        self.later = pay(self.merchant, 7_00)
        self.before = execute(PICTURE)
        return row

    def version(self) -> FeePlanVersion:
        rule = Rule(method="mpesa", start=0, end=100_00, terms=Terms(bps=100, flat=0))
        return set_plan([rule], merchant_id=self.merchant.id, currency="KES", effective_from=None, actor="tests")

    def test_entries_that_would_make_a_transfer_balance(self) -> None:
        """The balance is asked for at the commit, among whatever the caller has put there by then."""
        legs = "{" + ",".join([leg(self.cash, "D", 100), leg(self.pending, "C", 101)]) + "}"
        for path in ("RESET search_path", FRONT):
            with (
                self.subTest(path=path),
                self.assertRaises(DatabaseError) as refused,
                as_application(),
                transaction.atomic(),
            ):
                execute("CREATE TEMP TABLE ledger_entry (transfer_id uuid, side text, amount bigint) ON COMMIT DROP")
                ((transfer,),) = execute(FORGE, "forged:1", self.merchant.id, legs)
                for side in "DC":
                    execute("INSERT INTO pg_temp.ledger_entry VALUES (%s, %s, 100)", transfer, side)
                execute(path)
            self.assertIn("has debits 100 credits 101 in 2 entries", str(refused.exception))
            self.assertEqual(execute(PICTURE), self.before)

    def test_two_halves_that_would_balance_each_other(self) -> None:
        self.assert_refused(
            f"SELECT ledger_post('forged:1', 'forged', '{self.merchant.id}', 'KES', 'test',"
            f" '{{{leg(self.cash, 'D', 100)}}}'::ledger_leg[])",
            FORGE,
            values=("forged:2", self.merchant.id, "{" + leg(self.pending, "C", 100) + "}"),
            by="ledger_transfer_balanced",
        )

    def test_a_closed_batch_opened_by_a_table_of_ones_own(self) -> None:
        row = self.settled()
        for path in ("RESET search_path", FRONT):
            with self.subTest(path=path):
                self.assert_refused(
                    "CREATE TEMP TABLE settlement (LIKE public.settlement) ON COMMIT DROP",
                    "INSERT INTO pg_temp.settlement SELECT * FROM public.settlement",
                    "UPDATE pg_temp.settlement SET status = 'open'",
                    path,
                    "INSERT INTO public.settlement_line (settlement_id, transfer_id, kind, amount, fee)"
                    " VALUES (%s, %s, 'capture', 700, 0)",
                    values=(row.id, self.later),
                    by="settlement_line_closed",
                )

    def test_a_transfer_of_another_merchant_that_a_table_of_ones_own_renames(self) -> None:
        theirs = LedgerTransfer.objects.filter(merchant=self.other).latest("posted_at")
        batch = Settlement.objects.create(
            merchant=self.merchant, mode="test", currency="KES", day=MONDAY, status="open"
        )
        self.assert_refused(
            "CREATE TEMP TABLE ledger_transfer (LIKE public.ledger_transfer) ON COMMIT DROP",
            "INSERT INTO pg_temp.ledger_transfer SELECT * FROM public.ledger_transfer",
            f"UPDATE pg_temp.ledger_transfer SET merchant_id = '{self.merchant.id}'",
            "INSERT INTO public.settlement_line (settlement_id, transfer_id, kind, amount, fee)"
            " VALUES (%s, %s, 'capture', 50000, 0)",
            values=(batch.id, theirs.id),
            by="settlement_line_merchant",
        )

    def test_a_fee_rule_for_a_version_that_a_table_of_ones_own_makes_new(self) -> None:
        version = self.version()
        self.before = execute(PICTURE)
        for path in ("RESET search_path", FRONT):
            with self.subTest(path=path):
                self.assert_refused(
                    "CREATE TEMP TABLE fee_plan_version (id uuid, xid xid8) ON COMMIT DROP",
                    f"INSERT INTO pg_temp.fee_plan_version VALUES ('{version.id}', pg_current_xact_id())",
                    path,
                    "INSERT INTO public.fee_rule (version_id, method, amount_from, bps, flat, least, tax_bps)"
                    " VALUES (%s, 'mpesa', 10000, 0, 0, 0, 0)",
                    values=(version.id,),
                    by="fee_rule_closed",
                )

    def test_bands_that_overlap_behind_a_table_of_ones_own(self) -> None:
        key, plan = new_id(), self.version().plan_id
        self.before = execute(PICTURE)
        rule = (
            f"INSERT INTO public.fee_rule (version_id, method, amount_from, bps, flat, least, tax_bps) VALUES ('{key}',"
        )
        self.assert_refused(
            "INSERT INTO fee_plan_version (id, plan_id, effective_from, created_by)"
            f" VALUES ('{key}', '{plan}', now() + interval '1 day', 'x')",
            f"{rule} 'mpesa', 0, 100, 0, 0, 0)",
            "CREATE TEMP TABLE fee_rule (LIKE public.fee_rule) ON COMMIT DROP",
            f"{rule} 'mpesa', 0, 0, 0, 0, 0)",
            by="fee_rule_overlap",
        )

    def test_every_guard_says_where_it_looks(self) -> None:
        """Also one that is written tomorrow. What opens a webhook's lane guards nothing: it only adds a row."""
        rows = execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " AND prorettype = 'trigger'::regtype AND NOT coalesce('search_path=public, pg_temp' = ANY (proconfig), false)"
        )
        self.assertEqual(rows, [("webhooks_open_lane",)])


class Doors(Hostile):
    """Who may call what, and write how."""

    def test_nobody_but_the_application_posts(self) -> None:
        """Also no role that somebody makes for reading."""
        for name in DOORS:
            ((anybody,),) = execute("SELECT has_function_privilege('public', %s::regproc, 'EXECUTE')", name)
            self.assertFalse(anybody, name)

    def test_copying_into_the_books(self) -> None:
        for table in ("ledger_entry", "ledger_account", "ledger_transfer", "state_history", "audit_head"):
            with (
                self.subTest(table=table),
                as_application(),
                self.assertRaisesMessage(psycopg2.errors.InsufficientPrivilege, DENIED),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.copy_expert(f"COPY {table} FROM STDIN", StringIO(""))
        self.assertEqual(execute(PICTURE), self.before)

    def test_a_forged_link_copied_into_the_audit_trail(self) -> None:
        """Its place, its time and its digest are given to it, whatever it brings."""
        stream = f"m{self.merchant.id}"
        line = f"{stream}\t1\t\\\\x00\t\\\\x01\t{now() - timedelta(days=9)}\tforger\tthing.done\tx\t{{}}\n"
        with as_application(), transaction.atomic(), connection.cursor() as cursor:
            columns = "stream, seq, prev, hash, at, actor, action, object, detail"
            cursor.copy_expert(f"COPY audit_event ({columns}) FROM STDIN", StringIO(line))
        ((seq, is_new),) = execute(
            "SELECT seq, at > now() - interval '1 hour' FROM audit_event WHERE actor = 'forger' AND stream = %s", stream
        )
        self.assertGreater(seq, 1)
        self.assertTrue(is_new)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def test_numbers_that_are_set_back(self) -> None:
        for table in ("ledger_entry", "ledger_account", "state_history"):
            with self.subTest(table=table):
                self.assert_refused(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1)", by=DENIED)

    def test_what_only_an_owner_or_the_server_may(self) -> None:
        for statement, words in (
            ("CREATE SCHEMA mine", DENIED),
            ("CREATE EXTENSION hstore", DENIED),
            ("CREATE CAST (text AS ledger_leg) WITH INOUT", "must be owner"),
            ("CREATE PUBLICATION leak FOR ALL TABLES", DENIED),
            ("CREATE INDEX ON ledger_entry (amount)", "must be owner"),
            ("CREATE POLICY blind ON ledger_account USING (false)", "must be owner"),
            ("CREATE TRIGGER mine AFTER INSERT ON ledger_entry EXECUTE FUNCTION append_only()", DENIED),
            ("CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION append_only()", DENIED),
            ("ALTER TABLE ledger_account RENAME TO gone", "must be owner"),
            ("ALTER TABLE ledger_account ENABLE ROW LEVEL SECURITY", "must be owner"),
            ("ALTER TYPE ledger_leg ADD ATTRIBUTE more text", "must be owner"),
            ("ALTER ROLE CURRENT_USER SUPERUSER", DENIED),
            ("ALTER SEQUENCE ledger_entry_id_seq RESTART", "must be owner"),
            ("DROP TYPE ledger_leg CASCADE", "must be owner"),
            ("DROP FUNCTION refuse_row() CASCADE", "must be owner"),
            ("SELECT 1 FROM ledger_account FOR UPDATE", DENIED),
            ("DO $$ BEGIN UPDATE ledger_account SET credits = 1; END $$", DENIED),
            ("COPY ledger_kind TO PROGRAM 'true'", DENIED),
            ("COPY ledger_entry FROM '/dev/null'", DENIED),
            ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user", DENIED),
            ("SELECT pg_read_file('/etc/hostname')", DENIED),
            ("SELECT lo_import('/etc/hostname')", DENIED),
        ):
            with self.subTest(statement=statement):
                self.assert_refused(statement, by=words)

    def test_an_unbalanced_one_asked_for_at_once(self) -> None:
        values = ("forged:1", self.merchant.id, "{" + leg(self.pending, "C", 100) + "}")
        self.assert_refused("SET CONSTRAINTS ALL IMMEDIATE", FORGE, values=values, by="ledger_transfer_balanced")

    def test_legs_that_are_none(self) -> None:
        for legs in (None, "{NULL,NULL}", '{"(,D,100)","(,C,100)"}', '{"(1,,100)","(1,,100)"}', '{"(1,D,)","(1,C,)"}'):
            with self.subTest(legs=legs):
                self.assert_refused(FORGE, values=("forged:1", self.merchant.id, legs), by="")

    def test_the_other_modes_merchant(self) -> None:
        """A merchant of nobody's: there is none to whose accounts the legs could belong."""
        legs = "{" + ",".join([leg(self.cash, "D", 100), leg(self.pending, "C", 100)]) + "}"
        self.assert_refused(FORGE, values=("forged:1", new_id(), legs), by="ledger_post_merchant")
        self.assertEqual(Merchant.objects.count(), 2)
