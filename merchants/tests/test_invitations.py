"""Invitations: by mail, taken once by whoever reads the mailbox, and worth what their maker may."""

import re
from datetime import timedelta
from typing import Any

from django.core import mail
from django.http import HttpResponse
from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import Invitation, Membership, Role, Session, User
from merchants.services.people_mail import mail_people
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import make_member, make_merchant, make_user, person_headers
from merchants.tests.test_team import TeamCalls
from merchants.tests.threads import at_once
from onpoint_pay.kit.clock import now

ACCEPT = "auth/invitations/accept/"
LOCAL = "django.core.mail.backends.locmem.EmailBackend"
NEW = {"first_name": "Achieng", "last_name": "Odhiambo", "password": "four words nobody guesses"}


class Calls(TeamCalls):
    def setUp(self: Any) -> None:
        super().setUp()
        self.enterContext(override_settings(EMAIL_BACKEND=LOCAL, DASHBOARD_URL=""))
        mail.outbox = []

    def invite(self: Any, email: str, role: str = Role.SUPPORT, headers: dict[str, str] | None = None) -> HttpResponse:
        return self.post("team/invitations/", {"email": email, "role": role}, headers or self.owner)

    def mailed(self: Any, email: str) -> str:
        """The token of the newest letter to the address."""
        mail_people()
        bodies = [str(letter.body) for letter in mail.outbox if letter.to == [email]]
        return re.findall(r"[0-9A-Z]{32}\.[\w-]+", bodies[-1])[0]

    def accept(self: Any, token: str, **person: str) -> HttpResponse:
        return self.post(ACCEPT, {"token": token, **person})


class Inviting(Calls, ApiTestCase):
    def test_a_letter_goes_out_and_nothing_shows_its_token(self) -> None:
        answer = self.invite("Achieng@Example.com", Role.FINANCE)
        self.assertEqual(answer.status_code, 201, answer.content)
        found = answer.json()
        self.assertEqual((found["status"], found["email"], found["role"]), ("open", "achieng@example.com", "finance"))
        self.assertEqual(found["invited_by"], self.owner_user.public_id)
        self.assertEqual(answer["Location"], f"/api/v1/team/invitations/{found['id']}/")
        token = self.mailed("achieng@example.com")
        for shown in (
            answer,
            self.get(f"team/invitations/{found['id']}/", self.owner),
            self.get("team/invitations/", self.owner),
        ):
            self.assertNotIn(token[:32], shown.content.decode())
        row = Invitation.objects.get()
        self.assertNotIn(token.encode(), bytes(row.digest))
        told = [(each.action, each.told) for each in AuditEvent.objects.filter(action__startswith="invitation.")]
        self.assertEqual(told, [("invitation.sent", {"role": "finance"})])
        self.assertIn([self.owner_user.email], [letter.to for letter in mail.outbox])

    def test_the_name_of_the_business_makes_no_link(self) -> None:
        self.merchant.business_name = "Win at http://evil.example/\r\nBcc: all"
        self.merchant.save(update_fields=["business_name"])
        self.invite("achieng@example.com")
        self.mailed("achieng@example.com")
        (letter,) = (each for each in mail.outbox if each.to == ["achieng@example.com"])
        self.assertNotIn("evil.example", letter.body)
        self.assertEqual(letter.bcc, [])

    def test_a_newer_one_ends_the_earlier(self) -> None:
        self.invite("achieng@example.com")
        first = self.mailed("achieng@example.com")
        self.invite("achieng@example.com", Role.VIEWER)
        second = self.mailed("achieng@example.com")
        self.assert_problem(self.accept(first, **NEW), 410, "link_expired")
        self.assertEqual(self.accept(second, **NEW).json()["role"], "viewer")

    def test_not_many_to_one_address(self) -> None:
        for _ in range(3):
            self.assertEqual(self.invite("achieng@example.com").status_code, 201)
        self.assert_problem(self.invite("achieng@example.com"), 429, "rate_limited")

    def test_who_may_not(self) -> None:
        member = make_member(self.merchant, Role.VIEWER)
        self.assert_problem(self.invite(member.email), 409, "state_conflict")
        self.assert_problem(self.invite("a@example.com", Role.OWNER, self.admin), 403, "permission_denied")
        self.assert_problem(self.invite("a@example.com", "king"), 400, "parameter_invalid")
        self.assert_problem(self.invite("a@example.com", headers=person_headers(member)), 403, "insufficient_scope")
        Session.objects.update(proved_at=now() - timedelta(minutes=11))
        self.assert_problem(self.invite("a@example.com"), 403, "step_up_required")
        self.assertEqual(Invitation.objects.count(), 0)

    def test_taken_back(self) -> None:
        path = f"team/invitations/{self.invite('achieng@example.com').json()['id']}/"
        token = self.mailed("achieng@example.com")
        self.assertEqual(self.delete(path, self.admin).status_code, 204)
        self.assertEqual(self.get(path, self.owner).json()["status"], "revoked")
        self.assert_problem(self.accept(token, **NEW), 410, "link_expired")
        self.assertFalse(User.objects.filter(email="achieng@example.com").exists())


class Accepting(Calls, ApiTestCase):
    def token_for(self, email: str, role: str = Role.SUPPORT, headers: dict[str, str] | None = None) -> str:
        self.assertEqual(self.invite(email, role, headers).status_code, 201)
        return self.mailed(email)

    def test_somebody_new(self) -> None:
        token = self.token_for("achieng@example.com")
        self.assert_problem(self.accept(token), 400, "validation_failed")
        self.assert_problem(self.accept(token, **NEW | {"password": "short"}), 400, "parameter_invalid")
        answer = self.accept(token, **NEW)
        self.assertEqual(answer.status_code, 201, answer.content)
        user = User.objects.get(email="achieng@example.com")
        self.assertIsNotNone(user.email_verified_at)
        self.assertTrue(user.check_password(NEW["password"]))
        seat = self.seat(user)
        self.assertEqual((seat.role, seat.added_by), ("support", self.owner_user.public_id))
        self.assertEqual(answer.json()["id"], seat.public_id)
        self.assertEqual(self.get("payments/", person_headers(user)).status_code, 200)
        self.assert_problem(self.accept(token, **NEW), 410, "link_expired")
        deeds = AuditEvent.objects.filter(action="invitation.accepted").values_list("actor", flat=True)
        self.assertEqual(list(deeds), [user.public_id])

    def test_somebody_of_another_business_keeps_their_account_and_chooses_by_header(self) -> None:
        other = make_merchant("Mama Mboga")
        user = make_member(other, Role.OWNER)
        token = self.token_for(user.email, Role.VIEWER)
        self.assertEqual(self.accept(token, **NEW).status_code, 201)
        user.refresh_from_db()
        self.assertEqual((user.first_name, user.check_password(NEW["password"])), ("Wanjiku", False))
        for merchant, role in ((self.merchant, 403), (other, 200)):
            headers = person_headers(user, merchant=merchant)
            self.assertEqual(self.get("merchant/", headers).json()["id"], merchant.public_id)
            self.assertEqual(self.get("team/", headers).status_code, role)

    def test_an_account_that_nobody_verified_is_not_let_in(self) -> None:
        """Anybody may register somebody else's address and wait for the invitation."""
        user = make_user("achieng@example.com", email_verified_at=None)
        token = self.token_for(user.email)
        self.assert_problem(self.accept(token, **NEW), 403, "email_unverified")
        self.assertFalse(Membership.objects.filter(user=user).exists())
        user.refresh_from_db()
        self.assertIsNone(user.email_verified_at)
        self.assertFalse(user.check_password(NEW["password"]))

    def test_a_closed_account_and_a_member(self) -> None:
        closed = self.token_for("closed@example.com")
        make_user("closed@example.com", is_active=False)
        self.assert_problem(self.accept(closed, **NEW), 403, "permission_denied")
        twice = self.token_for("juma@example.com")
        user = make_member(self.merchant, Role.VIEWER, make_user("juma@example.com"))
        self.assert_problem(self.accept(twice, **NEW), 409, "state_conflict")
        self.assertEqual(self.seat(user).role, "viewer")

    def test_made_up_old_and_of_a_suspended_business(self) -> None:
        token = self.token_for("achieng@example.com")
        for wrong in ("nonsense", token[:-1], f"{'A' * 32}.{token[33:]}"):
            self.assert_problem(self.accept(wrong, **NEW), 410, "link_expired")
        self.merchant.status = "suspended"
        self.merchant.save(update_fields=["status"])
        self.assert_problem(self.accept(token, **NEW), 403, "merchant_suspended")
        Invitation.objects.update(created_at=now() - timedelta(days=8), expires_at=now() - timedelta(seconds=1))
        self.assert_problem(self.accept(token, **NEW), 410, "link_expired")
        self.assertFalse(User.objects.filter(email="achieng@example.com").exists())

    def test_the_word_of_who_was_let_go_is_worth_nothing(self) -> None:
        token = self.token_for("achieng@example.com", Role.ADMIN, self.admin)
        self.give(self.admin_user, Role.VIEWER)
        self.assert_problem(self.accept(token, **NEW), 410, "link_expired")
        self.give(self.admin_user, Role.ADMIN)
        self.assertEqual(self.accept(token, **NEW).status_code, 201)
        owners = self.token_for("second@example.com", Role.OWNER)
        self.give(self.admin_user, Role.OWNER)
        self.give(self.owner_user, Role.ADMIN, person_headers(self.admin_user))
        self.assert_problem(self.accept(owners, **NEW), 410, "link_expired")


class AtOnce(Calls, CommittingTestCase):
    def test_one_token_makes_one_member(self) -> None:
        self.assertEqual(self.invite("achieng@example.com").status_code, 201)
        token = self.mailed("achieng@example.com")
        answers = at_once(4, lambda n: self.accept(token, **NEW))
        codes = sorted(answer.status_code for answer in answers)
        self.assertEqual(codes[0], 201)
        self.assertTrue(set(codes[1:]) <= {403, 409, 410}, codes)
        self.assertEqual(Membership.objects.filter(user__email="achieng@example.com").count(), 1)
        self.assertEqual(User.objects.filter(email="achieng@example.com").count(), 1)
