"""Callback silence: noticed, asked about more closely, shown to everybody, and over with the first callback."""

from datetime import timedelta

from django.core.cache import cache
from django.test import override_settings

from audit.models import AuditEvent
from onpoint_pay.kit.clock import now
from payments import schedule
from payments.models import MoneyOp, Payment, ShortcodeHealth
from payments.services.silence import listen
from payments.services.status import ask
from payments.tests.base import PaymentTestCase
from payments.tests.factories import op_of
from tests.simulator_process import simulator


@override_settings(CALLBACK_SILENCE_AFTER=3)
class SilenceTest(PaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()

    def find_out_by_asking(self) -> Payment:
        """A payer who paid, and a callback that never came."""
        payment = self.start(scenario="callback.lost=1")
        simulator().approve(op_of(payment).provider_ref or "")
        ask(op_of(payment))
        return self.assert_state(payment, "completed", confirmed_by="query")

    def status(self) -> dict[str, object]:
        cache.clear()
        body: dict[str, object] = self.client.get("/api/v1/status/").json()
        return body

    def test_several_payments_nobody_told_us_of_raise_the_alarm_once(self) -> None:
        for _ in range(3):
            self.find_out_by_asking()
        fallen = listen()
        self.assertEqual([(one.shortcode, one.told, one.found) for one in fallen], [("174379", 0, 3)])
        self.assertIsNotNone(ShortcodeHealth.objects.get().silent_since)
        self.assertEqual(listen(), [])
        self.assertEqual(AuditEvent.objects.filter(action="provider.callbacks_silent").count(), 1)

    def test_two_are_not_enough(self) -> None:
        for _ in range(2):
            self.find_out_by_asking()
        self.assertEqual(listen(), [])
        self.assertIsNone(ShortcodeHealth.objects.get().silent_since)

    def test_one_callback_among_them_is_no_silence(self) -> None:
        self.pay(self.start())
        for _ in range(3):
            self.find_out_by_asking()
        self.assertEqual(listen(), [])

    def test_the_first_callback_ends_the_alarm(self) -> None:
        for _ in range(3):
            self.find_out_by_asking()
        listen()
        self.pay(self.start())
        self.assertEqual(listen(), [])
        self.assertIsNone(ShortcodeHealth.objects.get().silent_since)
        self.assertEqual(AuditEvent.objects.filter(action="provider.callbacks_heard").count(), 1)

    def test_the_alarm_brings_open_prompts_forward(self) -> None:
        waiting = self.start(scenario="pin=hand")
        far = now() + timedelta(hours=1)
        MoneyOp.objects.filter(id=op_of(waiting).id).update(
            next_check=far, sent_at=now() - schedule.scaled(schedule.SILENT_CHECKS[0] + 1)
        )
        for _ in range(3):
            self.find_out_by_asking()
        listen()
        self.assertLessEqual(op_of(waiting).next_check or far, now())

    def test_the_page_names_the_incident_and_no_shortcode(self) -> None:
        self.assertEqual(self.status()["incidents"], [])
        for _ in range(3):
            self.find_out_by_asking()
        listen()
        body = self.status()
        self.assertEqual(body["status"], "degraded")
        (incident,) = body["incidents"]  # type: ignore[misc]
        self.assertEqual(
            (incident["type"], incident["provider"], incident["shortcodes"]), ("callbacks_silent", "daraja", 1)
        )
        self.assertNotIn("174379", str(body))

    def test_the_closer_schedule_is_never_closer_than_five_seconds(self) -> None:
        steps = schedule.SILENT_CHECKS
        self.assertTrue(all(later - sooner >= 5 for sooner, later in zip(steps, steps[1:], strict=False)))
        self.assertEqual(steps[-1], schedule.PROMPT_CHECKS[-1])
        sent = now()
        for _ in range(50):
            due = schedule.next_check_at(sent, sent + timedelta(seconds=20), is_silent=True)
            self.assertLess(due, sent + timedelta(seconds=33))
