"""Somebody in the application's place goes for what keeps the books: triggers, functions, constraints, roles."""

from django.conf import settings
from django.db import connection

from settlements.tests.base import execute
from settlements.tests.hostile import DENIED, TABLES, Hostile, leg
from settlements.tests.test_roles import as_application


class Locks(Hostile):
    """What keeps the doors: triggers, functions, constraints, roles, and where names are looked up."""

    def test_a_trigger_on_a_table_of_ones_own(self) -> None:
        """The guard of balances looks how deep in triggers it is; a missing privilege cannot be deceived that way."""
        self.assert_refused(
            "CREATE TEMP TABLE lever (id int)",
            "CREATE FUNCTION pg_temp.pull() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN UPDATE public.ledger_account SET credits = credits + 100; RETURN NEW; END'",
            "CREATE TRIGGER pull BEFORE INSERT ON lever FOR EACH ROW EXECUTE FUNCTION pg_temp.pull()",
            "INSERT INTO lever VALUES (1)",
            by=DENIED,
        )

    def test_the_ledgers_own_trigger_on_a_table_of_ones_own(self) -> None:
        """It runs with the owner's rights, whoever's table it hangs on: it must not be there for others to hang up."""
        self.assert_refused(
            "CREATE TEMP TABLE ledger_entry_like (LIKE public.ledger_entry)",
            "CREATE TRIGGER borrowed BEFORE INSERT ON ledger_entry_like"
            " FOR EACH ROW EXECUTE FUNCTION public.ledger_entry_post()",
            by=DENIED,
        )

    def test_the_audit_trails_own_trigger_on_a_table_of_ones_own(self) -> None:
        self.assert_refused(
            "CREATE TEMP TABLE audit_like (LIKE public.audit_event)",
            "CREATE TRIGGER borrowed BEFORE INSERT ON audit_like FOR EACH ROW EXECUTE FUNCTION public.audit_chain()",
            by=DENIED,
        )

    def test_the_state_guard_on_a_table_of_ones_own(self) -> None:
        self.assert_refused(
            "CREATE TEMP TABLE states (id uuid, status text, evidence_id bigint)",
            "CREATE TRIGGER borrowed BEFORE UPDATE ON states"
            " FOR EACH ROW EXECUTE FUNCTION public.state_guard('payment', 'initiated')",
            by=DENIED,
        )

    def test_a_table_of_ones_own_in_front_of_the_true_one(self) -> None:
        """`ledger_post` looks names up where the owner said, not where the caller says."""
        legs = "{" + ",".join([leg(self.pending, "D", 9_999_00), leg(self.cash, "C", 9_999_00)]) + "}"
        self.assert_refused(
            "CREATE TEMP TABLE ledger_account (LIKE public.ledger_account)",
            "CREATE TEMP TABLE ledger_entry (LIKE public.ledger_entry)",
            "SET LOCAL search_path = pg_temp, public",
            "SELECT public.ledger_post(%s, 'forged', %s, 'KES', 'test', %s::public.ledger_leg[])",
            values=("forged:1", self.merchant.id, legs),
            by="ledger_account_floor",
        )

    def test_an_operator_of_ones_own_in_front_of_the_true_one(self) -> None:
        self.assert_refused(
            "CREATE FUNCTION pg_temp.unequal(numeric, numeric) RETURNS bool LANGUAGE sql AS 'SELECT false'",
            "CREATE OPERATOR pg_temp.<> (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = pg_temp.unequal)",
            "SET LOCAL search_path = pg_temp, public, pg_catalog",
            "SELECT public.ledger_post(%s, 'forged', %s, 'KES', 'test', %s::public.ledger_leg[])",
            values=(
                "forged:1",
                self.merchant.id,
                "{" + ",".join([leg(self.cash, "D", 100), leg(self.pending, "C", 101)]) + "}",
            ),
            by="ledger_transfer_balanced",
        )

    def test_functions_in_the_public_schema(self) -> None:
        self.assert_refused("CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", by=DENIED)

    def test_replacing_the_door(self) -> None:
        ((definition,),) = execute("SELECT pg_get_functiondef('ledger_post'::regproc)")
        self.assert_refused(definition.replace("%", "%%"), by=DENIED)

    def test_replacing_a_guard(self) -> None:
        self.assert_refused(
            "CREATE OR REPLACE FUNCTION ledger_transfer_balanced() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RETURN NULL; END'",
            by=DENIED,
        )

    def test_altering_the_door(self) -> None:
        signature = "ledger_open_account(uuid, text, text, text, text)"
        for change in ("RESET search_path", "SECURITY INVOKER", "OWNER TO CURRENT_USER"):
            with self.subTest(change=change):
                self.assert_refused(f"ALTER FUNCTION {signature} {change}", by="must be owner")

    def test_dropping_the_guards(self) -> None:
        for table, trigger in (
            ("ledger_account", "ledger_account_guard"),
            ("ledger_entry", "ledger_entry_post"),
            ("ledger_transfer", "ledger_transfer_balanced"),
            ("transactions", "transactions_state"),
            ("audit_event", "audit_chain"),
        ):
            with self.subTest(trigger=trigger):
                self.assert_refused(f"DROP TRIGGER {trigger} ON {table}", by="must be owner")

    def test_putting_the_guards_to_sleep(self) -> None:
        for table in ("ledger_account", "ledger_entry", "ledger_transfer", "transactions", "audit_event"):
            for sleep in ("DISABLE TRIGGER USER", "DISABLE TRIGGER ALL"):
                with self.subTest(table=table, sleep=sleep):
                    self.assert_refused(f"ALTER TABLE {table} {sleep}", by="must be owner")

    def test_being_a_replica(self) -> None:
        self.assert_refused("SET session_replication_role = replica", by=DENIED)

    def test_dropping_constraints(self) -> None:
        for table, name in (
            ("ledger_account", "ledger_account_floor"),
            ("ledger_account", "ledger_account_name"),
            ("ledger_entry", "ledger_entry_amount"),
            ("ledger_entry", "ledger_entry_account_book"),
            ("transactions", "transactions_refund_cap"),
        ):
            with self.subTest(name=name):
                self.assert_refused(f"ALTER TABLE {table} DROP CONSTRAINT {name}", by="must be owner")

    def test_dropping_the_tables(self) -> None:
        for table in TABLES:
            with self.subTest(table=table):
                self.assert_refused(f"DROP TABLE {table} CASCADE", by="must be owner")

    def test_becoming_the_owner(self) -> None:
        """As the application signs in: from its own session, not from one that may take any role."""
        ((owner,),) = execute("SELECT tableowner FROM pg_tables WHERE tablename = 'ledger_account'")
        ((member,),) = execute("SELECT pg_has_role(%s, %s, 'SET')", settings.DATABASE_APP_ROLE, owner)
        self.assertFalse(member)

    def test_having_more_rights_than_it_needs(self) -> None:
        rows = execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = %s",
            settings.DATABASE_APP_ROLE,
        )
        self.assertEqual(rows, [(False,) * 5])

    def test_granting_itself_the_books(self) -> None:
        """PostgreSQL answers with a warning and grants nothing."""
        with as_application():
            role = connection.ops.quote_name(settings.DATABASE_APP_ROLE)
            execute(f"GRANT UPDATE, INSERT ON ledger_account, ledger_entry TO {role}")
        for table in ("ledger_account", "ledger_entry"):
            with self.subTest(table=table):
                ((may,),) = execute(
                    "SELECT has_table_privilege(%s, %s, 'UPDATE, INSERT')", settings.DATABASE_APP_ROLE, table
                )
                self.assertFalse(may)

    def test_no_trigger_with_the_owners_rights_can_be_borrowed(self) -> None:
        """Also not one that is written tomorrow."""
        rows = execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
            " AND prorettype = 'trigger'::regtype AND has_function_privilege(%s, oid, 'EXECUTE')",
            settings.DATABASE_APP_ROLE,
        )
        self.assertEqual(rows, [])

    def test_every_function_with_the_owners_rights_says_where_names_are_looked_up(self) -> None:
        rows = execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
            " AND NOT coalesce('search_path=public, pg_temp' = ANY (proconfig), false)"
        )
        self.assertEqual(rows, [])

    def test_taking_the_books_over(self) -> None:
        self.assert_refused("ALTER TABLE ledger_account OWNER TO CURRENT_USER", by="must be owner")

    def test_a_rule_that_writes_something_else(self) -> None:
        self.assert_refused("CREATE RULE swallow AS ON INSERT TO ledger_entry DO INSTEAD NOTHING", by="must be owner")

    def test_a_child_table_with_rows_of_its_own(self) -> None:
        self.assert_refused("CREATE TEMP TABLE child () INHERITS (public.ledger_entry)", by="must be owner")

    def test_a_state_past_its_rules(self) -> None:
        statement = "UPDATE transactions SET status = 'pending' WHERE id = %s"
        self.assert_refused(statement, values=(self.payment.id,), by="state_rule")
