"""`manage.py webhooks`."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any
from unittest import mock
from uuid import UUID

from django.core.management import CommandError, call_command
from django.db import connection
from django.test import TestCase, TransactionTestCase

from audit.models import AuditEvent
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from webhooks import bell
from webhooks.models import Delivery, Endpoint, Recovery
from webhooks.services import recovery
from webhooks.tests.factories import make_attempt, make_delivery, publish


def run(*words: str) -> tuple[str, str]:
    """What it printed, and what it complained of."""
    out, err = StringIO(), StringIO()
    call_command("webhooks", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def name_of(delivery: Delivery) -> str:
    return to_public("whd", UUID(int=delivery.pk))


class Status(TestCase):
    def test_in_words_and_as_json(self) -> None:
        delivery = make_delivery(make_merchant())
        make_attempt(delivery, started_at=delivery.created_at, total_ms=20)
        with mock.patch.object(bell, "drains_alive", return_value=2):
            text, found = run("status")[0], json.loads(run("status", "--json")[0])
        self.assertRegex(text, r"drains +2\n")
        self.assertIn("1 closed", text)
        self.assertRegex(text, r"deliveries +1 open, 1 due, 0 held, 0 failed\n")
        self.assertRegex(text, r"change to receipt +p50 0.020 s, p99 0.020 s\n")
        self.assertEqual((found["drains"], found["deliveries"]["due"]), (2, 1))
        self.assertEqual(found["lately"]["tries"], {"delivered": 1, "failed": 0})
        self.assertNotIn("Nobody delivers", text)

    def test_when_nobody_delivers_it_says_what_to_do(self) -> None:
        make_delivery(make_merchant())
        with mock.patch.object(bell, "drains_alive", return_value=0):
            self.assertIn("Nobody delivers: is a worker of the queue `webhooks` running", run("status")[0])
        with mock.patch.object(bell, "drains_alive", return_value=None):
            self.assertIn("unknown: Valkey is away", run("status")[0])
            self.assertIsNone(json.loads(run("status", "--json")[0])["drains"])


class Resending(TestCase):
    def test_several_at_once_and_the_operator_is_on_record(self) -> None:
        merchant = make_merchant()
        made = [make_delivery(merchant), make_delivery(merchant)]
        Delivery.objects.update(state="failed")
        out, _ = run("resend", *map(name_of, made))
        self.assertEqual(out.count("sent again"), 2)
        opened = Delivery.objects.filter(pk__in=[each.pk for each in made])
        self.assertEqual(set(opened.values_list("state", "trigger")), {("open", "manual")})
        link = AuditEvent.objects.filter(stream=f"m{merchant.pk}").latest("seq")
        self.assertEqual((link.action, link.actor), ("webhook_delivery.resent", "operator"))

    def test_what_cannot_be_sent_does_not_keep_the_others(self) -> None:
        paused, good = make_delivery(make_merchant()), make_delivery(make_merchant())
        Delivery.objects.update(state="failed")
        Endpoint.objects.filter(pk=paused.endpoint_id).update(status="paused")
        names = ["whd_x", to_public("whd", UUID(int=2**62)), to_public("whd", new_id()), name_of(paused), name_of(good)]
        out, err = StringIO(), StringIO()
        with self.assertRaisesMessage(CommandError, "4 of 5 were not sent again."):
            call_command("webhooks", "resend", *names, stdout=out, stderr=err)
        self.assertIn("it looks like whd_", err.getvalue())
        self.assertEqual(err.getvalue().count("There is no whd_"), 2)
        self.assertIn("Enable it, then send this again.", err.getvalue())
        self.assertEqual(out.getvalue(), f"{name_of(good)}: sent again\n")


class Recovering(TransactionTestCase):
    def setUp(self) -> None:
        self.delivery = make_delivery(make_merchant())
        for _ in range(4):
            publish(self.delivery.merchant)
        Delivery.objects.update(state="failed", created_at=now() - timedelta(hours=1))
        self.name = to_public("whe", self.delivery.endpoint_id)
        self.since = (now() - timedelta(days=1)).isoformat()

    def test_it_begins_and_leaves_the_work_to_workers(self) -> None:
        out, _ = run("recover", self.name, "--since", self.since, "--only", "failed", "--type", "payment.*")
        made = Recovery.objects.get()
        self.assertIn(f"{to_public('whr', made.pk)} has begun", out)
        self.assertEqual((made.state, made.which, made.types), ("running", "failed", ["payment.*"]))
        self.assertFalse(Delivery.objects.filter(state="open").exists())
        link = AuditEvent.objects.filter(stream=f"m{self.delivery.merchant_id}").latest("seq")
        self.assertEqual(link.actor, "operator")

    def test_waiting_shows_how_far_it_is(self) -> None:
        with mock.patch.object(recovery, "RANGE", 2):
            out, _ = run("recover", self.name, "--since", self.since, "--until", now().isoformat(), "--wait")
        self.assertIn("2 seen          2 opened   running", out)
        self.assertIn("5 seen          5 opened   done", out)
        self.assertIn("The last of them is due at", out)
        self.assertEqual(Delivery.objects.filter(state="open").count(), 5)

    def test_mistakes_are_told_with_their_mend(self) -> None:
        cases: list[tuple[list[str], str]] = [
            (["whe_x", "--since", self.since], "it looks like whe_"),
            ([to_public("whe", new_id()), "--since", self.since], "copy its id from the API"),
            ([self.name, "--since", "yesterday"], "--since must be an RFC 3339 time"),
            ([self.name, "--since", self.since, "--until", "now"], "--until must be an RFC 3339 time"),
            ([self.name, "--since", "2999-01-01"], "since must lie before until"),
            ([self.name, "--since", self.since, "--type", "payment.done"], "is not an event type"),
        ]
        for words, complaint in cases:
            with self.assertRaisesMessage(CommandError, complaint):
                run("recover", *words)
        Endpoint.objects.update(status="paused")
        with self.assertRaisesMessage(CommandError, "enable it first"):
            run("recover", self.name, "--since", self.since)
        Endpoint.objects.update(deleted_at=now())
        with self.assertRaisesMessage(CommandError, "was deleted"):
            run("recover", self.name, "--since", self.since)
        self.assertFalse(Recovery.objects.exists())


class Tending(TransactionTestCase):
    def test_it_says_what_it_did(self) -> None:
        run("tend")
        self.assertEqual(run("tend")[0], "0 partitions made, 0 dropped\n")

    def test_a_busy_table_is_told(self) -> None:
        other = connection.copy()
        self.addCleanup(other.close)
        run("tend")
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(relname) FROM pg_class WHERE relname ~ '^webhooks_attempt_[0-9]{8}$'")
            cursor.execute(f"DROP TABLE {cursor.fetchone()[0]}")
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT count(*) FROM webhooks_attempt")
            with self.assertRaisesMessage(CommandError, "try again in a moment"):
                run("tend")
            cursor.execute("ROLLBACK")
        self.assertEqual(run("tend")[0], "1 partitions made, 0 dropped\n")


class Help(TestCase):
    def test_every_action_explains_itself(self) -> None:
        for words in ([], ["status"], ["resend"], ["recover"], ["tend"]):
            out = StringIO()
            with mock.patch("sys.stdout", out), self.assertRaises(SystemExit) as caught:
                run(*words, "--help")
            self.assertEqual(caught.exception.code, 0)
            self.assertIn("usage:", out.getvalue())

    def test_no_action_is_refused(self) -> None:
        with self.assertRaisesMessage(CommandError, "ACTION"):
            run()

    def test_an_unknown_choice_is_refused(self) -> None:
        wanted: dict[str, Any] = {"since": "2026-01-01"}
        with self.assertRaisesMessage(CommandError, "invalid choice"):
            run("recover", "whe_1", "--since", wanted["since"], "--only", "open")
