"""Forgetting old tries: whole days at a time, and by no other way."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.test import TransactionTestCase, override_settings

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import role_exists
from webhooks.models import Attempt
from webhooks.services.retention import DAYS_AHEAD, Tended, tend_attempts
from webhooks.tests.factories import make_attempt, make_delivery

PARTITIONS = "SELECT relname FROM pg_class WHERE relname ~ '^webhooks_attempt_[0-9]{8}$' AND relkind = 'r' ORDER BY 1"


def execute(statement: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def name_of(day: date) -> str:
    return f"webhooks_attempt_{day:%Y%m%d}"


def partitions() -> list[object]:
    return [name for (name,) in execute(PARTITIONS)]


@contextmanager
def as_application() -> Iterator[None]:
    execute(f"SET ROLE {connection.ops.quote_name(settings.DATABASE_APP_ROLE)}")
    try:
        yield
    finally:
        execute("RESET ROLE")


class Case(TransactionTestCase):
    def setUp(self) -> None:
        self.today = now().astimezone(UTC).date()
        # Whatever day the test database was made on.
        tend_attempts()

    def make_partition(self, day: date) -> None:
        start, end = (datetime.combine(each, time.min, UTC) for each in (day, day + timedelta(days=1)))
        execute(f"CREATE TABLE {name_of(day)} PARTITION OF webhooks_attempt FOR VALUES FROM ('{start}') TO ('{end}')")
        self.addCleanup(execute, f"DROP TABLE IF EXISTS {name_of(day)}")


class Tending(Case):
    def test_days_ahead_are_made_once(self) -> None:
        for ahead in range(DAYS_AHEAD + 1):
            self.assertIn(name_of(self.today + timedelta(days=ahead)), partitions())
        last = name_of(self.today + timedelta(days=DAYS_AHEAD))
        execute(f"DROP TABLE {last}")
        self.assertEqual(tend_attempts(), Tended(made=1, dropped=0))
        self.assertEqual(tend_attempts(), Tended(made=0, dropped=0))
        self.assertIn(last, partitions())

    @override_settings(WEBHOOK_ATTEMPTS_KEPT_DAYS=10)
    def test_days_that_were_kept_for_long_enough_are_dropped_with_their_tries(self) -> None:
        old, kept = self.today - timedelta(days=11), self.today - timedelta(days=10)
        delivery = make_delivery(make_merchant())
        for day in (old, kept):
            self.make_partition(day)
            make_attempt(delivery, started_at=datetime.combine(day, time(12), UTC))
        newest = make_attempt(delivery)
        self.assertEqual(tend_attempts(), Tended(made=0, dropped=1))
        self.assertNotIn(name_of(old), partitions())
        days = [at.date() for at in Attempt.objects.order_by("started_at").values_list("started_at", flat=True)]
        self.assertEqual(days, [kept, newest.started_at.date()])

    @override_settings(WEBHOOK_ATTEMPTS_KEPT_DAYS=6)
    def test_a_week_is_kept_whatever_is_set(self) -> None:
        with self.assertRaisesMessage(IntegrityError, "kept for 7 days"):
            tend_attempts()

    def test_a_busy_table_is_left_for_the_next_hour(self) -> None:
        last = name_of(self.today + timedelta(days=DAYS_AHEAD))
        execute(f"DROP TABLE {last}")
        other = connection.copy()
        self.addCleanup(other.close)
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT count(*) FROM webhooks_attempt")
            with self.assertRaises(OperationalError):
                tend_attempts()
            cursor.execute("ROLLBACK")
        self.assertNotIn(last, partitions())
        self.assertEqual(tend_attempts().made, 1)


class Application(Case):
    def setUp(self) -> None:
        super().setUp()
        with connection.cursor() as cursor:
            if not role_exists(cursor, settings.DATABASE_APP_ROLE):
                self.skipTest("one role does everything on this server")
        make_attempt(make_delivery(make_merchant()))

    @override_settings(WEBHOOK_ATTEMPTS_KEPT_DAYS=10)
    def test_it_tends_by_the_function(self) -> None:
        self.make_partition(self.today - timedelta(days=20))
        with as_application():
            self.assertEqual(tend_attempts().dropped, 1)

    def test_it_removes_nothing_by_itself(self) -> None:
        today = name_of(self.today)
        with as_application():
            for statement in (
                f"DROP TABLE {today}",
                f"ALTER TABLE webhooks_attempt DETACH PARTITION {today}",
                f"DELETE FROM {today}",
                "DELETE FROM webhooks_attempt",
                "UPDATE webhooks_attempt SET n = 2",
                "TRUNCATE webhooks_attempt",
                f"TRUNCATE {today}",
            ):
                with self.subTest(statement), self.assertRaises(DatabaseError), transaction.atomic():
                    execute(statement)
        self.assertEqual(Attempt.objects.count(), 1)
