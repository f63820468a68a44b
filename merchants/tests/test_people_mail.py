"""Mail to people: written with the change, sent once, tried again, and forgotten."""

from datetime import timedelta
from unittest import mock

from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase, override_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from merchants.models import Challenge, OneTimeToken, PersonMail, Session
from merchants.services.people_mail import SMTP, mail_people, send, tell
from merchants.services.people_texts import TEXTS, words_of
from merchants.services.sign_in_rows import forget_old_sign_ins
from merchants.tests.factories import make_member, make_merchant, make_user, sign_in
from merchants.tests.people import EMAIL
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.tests.travel import travel


class Words(TestCase):
    def test_every_kind_can_be_written(self) -> None:
        facts = {"at": "21.11.2026 11:00 in Nairobi", "address": "203.0.113.7", "link": "https://x", "left": "9"}
        facts |= {"what": "A member was added", "object": "mbr_x"}
        facts |= {"device": "Firefox", "key": "key_x (sk_test_...1234)", "count": "two networks"}
        for kind in TEXTS:
            subject, body = words_of(kind, facts)
            self.assertLess(len(subject), 78)
            self.assertNotIn("{", subject + body)


class Sending(TestCase):
    def setUp(self) -> None:
        self.user = make_member(make_merchant(), user=make_user(EMAIL))

    def test_outside_a_transaction_nothing_is_written(self) -> None:
        with mock.patch.object(connection, "in_atomic_block", False), self.assertRaises(RuntimeError):
            send(to=EMAIL, subject="Hello", body="There")
        self.assertEqual(PersonMail.objects.count(), 0)

    def test_a_change_that_is_undone_mails_nobody(self) -> None:
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            tell("two_factor_on", to=EMAIL)
            raise ZeroDivisionError
        self.assertEqual((mail_people(), mail.outbox), (0, []))

    def test_anybody_can_be_written_to(self) -> None:
        send(to="new@example.com", subject="You are\ninvited", body="Come and see.")
        self.assertEqual(mail_people(), 1)
        (message,) = mail.outbox
        self.assertEqual(
            (message.to, message.subject, message.body), (["new@example.com"], "You are invited", "Come and see.\n")
        )
        self.assertEqual(message.extra_headers["Auto-Submitted"], "auto-generated")
        self.assertEqual((mail_people(), len(mail.outbox)), (0, 1))

    def test_rows_are_sealed_and_emptied(self) -> None:
        send(to="new@example.com", subject="Hello", body="A link nobody else may see")
        row = PersonMail.objects.get()
        self.assertNotIn("link", row.sealed)
        self.assertNotIn("new@example.com", f"{row.sealed}{bytes(row.to_digest)!r}")
        mail_people()
        self.assertEqual(PersonMail.objects.get().sealed, "")

    def test_whom_nobody_knows_is_told_nothing(self) -> None:
        closed = make_user("closed@example.com", is_active=False)
        for address in ("nobody@example.com", closed.email):
            tell("reset_password", to=address)
        self.assertEqual((mail_people(), mail.outbox, OneTimeToken.objects.count()), (0, [], 0))
        self.assertFalse(PersonMail.objects.filter(closed_at=None).exists())

    def test_a_mail_server_that_is_away_is_tried_again_later_each_time(self) -> None:
        tell("two_factor_on", to=EMAIL)
        with mock.patch.object(EmailBackend, "send_messages", side_effect=ConnectionRefusedError):
            with self.assertLogs("merchants.services.people_mail", "WARNING") as caught:
                self.assertEqual((mail_people(), mail_people()), (0, 0))
            self.assertEqual(len(caught.output), 1)
            self.assertNotIn(EMAIL, str(caught.output))
            with travel(now() + timedelta(minutes=1, seconds=1)):
                mail_people()
        self.assertEqual(PersonMail.objects.get().tries, 2)
        with travel(now() + timedelta(minutes=4)):
            self.assertEqual(mail_people(), 1)

    @override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST="")
    def test_without_a_mail_server_it_waits_until_it_is_old(self) -> None:
        tell("two_factor_on", to=EMAIL)
        tell("reset_password", to=EMAIL)
        with mock.patch("smtplib.SMTP") as smtp:
            self.assertEqual(mail_people(), 0)
            with travel(now() + timedelta(hours=1, seconds=1)):
                mail_people()
                self.assertEqual([row.kind for row in PersonMail.objects.filter(closed_at=None)], ["two_factor_on"])
            with travel(now() + timedelta(hours=73)):
                mail_people()
            smtp.assert_not_called()
        self.assertFalse(PersonMail.objects.filter(closed_at=None).exists())
        self.assertFalse(PersonMail.objects.exclude(sealed="").exists())

    def test_a_row_that_cannot_be_opened_holds_up_nobody(self) -> None:
        tell("two_factor_on", to=EMAIL)
        PersonMail.objects.update(sealed="v1.gone.AAAA")
        tell("two_factor_off", to=EMAIL)
        self.assertEqual((mail_people(), len(mail.outbox)), (1, 1))

    def test_what_a_dead_worker_had_is_taken_up(self) -> None:
        tell("two_factor_on", to=EMAIL)
        PersonMail.objects.update(next_try_at=now() + timedelta(minutes=9))
        self.assertEqual(mail_people(), 0)
        with travel(now() + timedelta(minutes=10)):
            self.assertEqual(mail_people(), 1)


class Twice(TransactionTestCase):
    def test_two_workers_send_one_mail_and_no_transaction_is_open_meanwhile(self) -> None:
        make_member(make_merchant(), user=make_user(EMAIL))
        with transaction.atomic():
            tell("two_factor_on", to=EMAIL)
        real, inside = EmailBackend.send_messages, []

        def second_worker_meanwhile(backend: EmailBackend, messages: list[mail.EmailMessage]) -> int:
            inside.append((connection.in_atomic_block, mail_people()))
            return int(real(backend, messages))

        with mock.patch.object(EmailBackend, "send_messages", second_worker_meanwhile):
            self.assertEqual(mail_people(), 1)
        self.assertEqual((inside, len(mail.outbox)), ([(False, 0)], 1))


class Forgetting(TestCase):
    def test_a_month_after_they_ended_rows_are_gone(self) -> None:
        user = make_member(make_merchant(), user=make_user(EMAIL))
        sign_in(user)
        with travel(now() - timedelta(days=38)):
            sign_in(user)
            BlacklistedToken.objects.create(token=OutstandingToken.objects.latest("id"))
            OneTimeToken.objects.create(
                user=user, purpose="reset_password", digest=b"a", email_digest=b"b", expires_at=now()
            )
            Challenge.objects.create(user=user, digest=b"c", expires_at=now())
            tell("two_factor_on", to=EMAIL)
            mail_people()
        tell("two_factor_off", to=EMAIL)
        self.assertEqual(forget_old_sign_ins(), 5)
        left = (Session, OutstandingToken, OneTimeToken, Challenge, PersonMail)
        self.assertEqual([model.objects.count() for model in left], [1, 1, 0, 0, 1])
        self.assertEqual((forget_old_sign_ins(), BlacklistedToken.objects.count()), (0, 0))
