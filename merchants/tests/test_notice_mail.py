"""Mail to owners about endpoints that fail: once, whatever the mail server does."""

from datetime import timedelta
from unittest import mock

from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import TestCase, TransactionTestCase, override_settings

from merchants.models import Membership, Role
from merchants.services.notice_mail import mail_notices
from merchants.tests.factories import make_member, make_merchant, make_user
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from webhooks.models import Endpoint, Notice
from webhooks.tests.factories import make_endpoint

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def make_notice(endpoint: Endpoint, *, level: int = 1, days: int = 1) -> Notice:
    return Notice.objects.create(endpoint=endpoint, level=level, days=days, failing_since=now() - timedelta(days=days))


class Sending(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant("Duka\nBora")
        self.endpoint, _ = make_endpoint(self.merchant)

    def test_to_the_owners_in_words(self) -> None:
        owners = [make_member(self.merchant, Role.OWNER) for _ in range(2)]
        make_member(self.merchant, Role.ADMIN)
        make_member(self.merchant, Role.OWNER, make_user(is_active=False))
        make_member(make_merchant(), Role.OWNER)
        notice = make_notice(self.endpoint)
        self.assertEqual(mail_notices(), 1)
        (sent,) = mail.outbox
        self.assertCountEqual(sent.to, [owner.email for owner in owners])
        self.assertEqual(sent.subject, "Duka Bora: a webhook endpoint does not take events")
        for words in (self.endpoint.url, "for 1 day", to_public("whe", self.endpoint.pk), "test mode", "recover/"):
            self.assertIn(words, sent.body)
        notice.refresh_from_db()
        self.assertIsNotNone(notice.mailed_at)
        self.assertEqual((mail_notices(), len(mail.outbox)), (0, 1))

    def test_without_an_owner_to_the_address_of_the_business(self) -> None:
        Membership.objects.filter(merchant=self.merchant).delete()
        make_notice(self.endpoint, level=3, days=5)
        mail_notices()
        (sent,) = mail.outbox
        self.assertEqual(
            (sent.to, sent.subject), ([self.merchant.email], "Duka Bora: a webhook endpoint is switched off")
        )

    def test_a_mail_server_that_is_away_leaves_it_for_the_next_minute(self) -> None:
        first, second = make_notice(self.endpoint), make_notice(self.endpoint, level=2, days=3)
        real, refusals = EmailBackend.send_messages, iter([ConnectionRefusedError()])

        def shaky(backend: EmailBackend, messages: list[mail.EmailMessage]) -> int:
            for refusal in refusals:
                raise refusal
            return int(real(backend, messages))

        with mock.patch.object(EmailBackend, "send_messages", shaky):
            self.assertEqual(mail_notices(), 1)
            first.refresh_from_db()
            second.refresh_from_db()
            self.assertEqual((first.mailed_at, first.lease_until), (None, None))
            self.assertIsNotNone(second.mailed_at)
            self.assertEqual(mail_notices(), 1)
        self.assertEqual(len(mail.outbox), 2)

    @override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST="")
    def test_without_a_mail_server_it_waits(self) -> None:
        notice = make_notice(self.endpoint)
        with mock.patch("smtplib.SMTP") as smtp:
            self.assertEqual(mail_notices(), 0)
            smtp.assert_not_called()
        notice.refresh_from_db()
        self.assertEqual((notice.mailed_at, notice.lease_until), (None, None))

    def test_old_news_is_not_mailed(self) -> None:
        make_notice(self.endpoint)
        Notice.objects.update(created_at=now() - timedelta(days=4))
        self.assertEqual((mail_notices(), mail.outbox), (0, []))

    def test_what_a_dead_worker_had_is_taken_up(self) -> None:
        make_notice(self.endpoint)
        Notice.objects.update(lease_until=now() + timedelta(minutes=1))
        self.assertEqual(mail_notices(), 0)
        Notice.objects.update(lease_until=now() - timedelta(seconds=1))
        self.assertEqual(mail_notices(), 1)


class Twice(TransactionTestCase):
    def test_two_workers_send_one_mail_and_no_transaction_is_open_meanwhile(self) -> None:
        endpoint, _ = make_endpoint(make_merchant())
        make_notice(endpoint)
        real, inside = EmailBackend.send_messages, []

        def second_worker_meanwhile(backend: EmailBackend, messages: list[mail.EmailMessage]) -> int:
            inside.append((connection.in_atomic_block, mail_notices()))
            return int(real(backend, messages))

        with mock.patch.object(EmailBackend, "send_messages", second_worker_meanwhile):
            self.assertEqual(mail_notices(), 1)
        self.assertEqual((inside, len(mail.outbox)), ([(False, 0)], 1))
