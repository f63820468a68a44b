"""Roles of a merchant's own: just their scopes, never more than their maker's, from the next request on."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import CustomRole, Membership, PersonMail, Role, Session
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import make_member, make_merchant, make_user, person_headers
from merchants.tests.test_team import TeamCalls
from onpoint_pay.kit.clock import now

TILL = ["payments:read", "payments:write"]


class Calls(TeamCalls, ApiTestCase):
    def make(self, scopes: list[str], name: str = "Till", headers: dict[str, str] | None = None) -> HttpResponse:
        return self.post("roles/", {"name": name, "scopes": scopes}, headers or self.owner)

    def role_of(self, scopes: list[str], name: str = "Till") -> str:
        answer = self.make(scopes, name)
        self.assertEqual(answer.status_code, 201, answer.content)
        found: str = answer.json()["id"]
        return found

    def holder(self, role: str) -> tuple[Any, dict[str, str]]:
        """Somebody who is given the role."""
        user = make_user()
        self.assertEqual(self.add(user.email, role).json()["role"], role)
        return user, person_headers(user)


class Making(Calls):
    def test_made_shown_and_told(self) -> None:
        answer = self.make([*TILL, TILL[0]])
        found = answer.json()
        self.assertEqual((answer.status_code, found["name"], found["scopes"]), (201, "Till", TILL))
        self.assertEqual(self.get(f"roles/{found['id']}/", self.admin).json(), found)
        self.assertEqual(self.get("roles/", self.admin).json()["data"], [found])
        told = AuditEvent.objects.get(action="role.created")
        self.assertEqual((told.actor, told.told), (self.owner_user.public_id, {"scopes": TILL}))
        self.assertEqual(PersonMail.objects.filter(kind="team_changed").count(), 1)

    def test_what_is_refused(self) -> None:
        self.role_of(TILL)
        for body, status, code in (
            ({"name": "Till", "scopes": TILL}, 409, "state_conflict"),
            ({"name": "Owner", "scopes": TILL}, 400, "parameter_invalid"),
            ({"name": "Other", "scopes": []}, 400, "parameter_invalid"),
            ({"name": "Other", "scopes": ["money:print"]}, 400, "parameter_invalid"),
            # What only owners do, and what everybody does.
            ({"name": "Other", "scopes": ["privacy:write"]}, 400, "parameter_invalid"),
            ({"name": "Other", "scopes": ["session"]}, 400, "parameter_invalid"),
        ):
            with self.subTest(body=body):
                self.assert_problem(self.post("roles/", body, self.owner), status, code)
        Session.objects.update(proved_at=now() - timedelta(minutes=11))
        self.assert_problem(self.make(TILL, "Other"), 403, "step_up_required")
        self.assertEqual(CustomRole.objects.count(), 1)

    def test_another_merchants_role_is_none(self) -> None:
        other = make_merchant("Mama Mboga")
        theirs = CustomRole.objects.create(merchant=other, name="Till", scopes=TILL, created_by="tests").public_id
        self.assert_problem(self.add(make_user().email, theirs), 400, "parameter_invalid")
        self.assert_problem(self.give(self.admin_user, theirs), 400, "parameter_invalid")


class Holding(Calls):
    def test_just_its_scopes_in_both_modes(self) -> None:
        self.merchant.live_enabled, self.merchant.kyc_status = True, "verified"
        self.merchant.save(update_fields=["live_enabled", "kyc_status"])
        user, headers = self.holder(self.role_of(TILL))
        for mode in ("test", "live"):
            headers = person_headers(user, mode=mode)
            self.assertEqual(self.get("payments/", headers).status_code, 200)
            self.assert_problem(self.post("payments/initiate/", {}, headers), 400, "validation_failed")
            for path in ("refunds/", "events/", "team/", "balance/", "webhook-endpoints/", "audit/records/"):
                self.assert_problem(self.get(path, headers), 403, "insufficient_scope")
            self.assertEqual(self.get("auth/profile/", headers).status_code, 200)

    def test_a_change_counts_from_the_next_request(self) -> None:
        role = self.role_of(TILL)
        _, headers = self.holder(role)
        self.assertEqual(self.get("payments/", headers).status_code, 200)
        with self.captureOnCommitCallbacks(execute=True):
            answer = self.patch(f"roles/{role}/", {"scopes": ["refunds:read"]}, self.owner)
        self.assertEqual((answer.json()["scopes"], answer.json()["version"]), (["refunds:read"], 2))
        self.assert_problem(self.get("payments/", headers), 403, "insufficient_scope")
        self.assertEqual(self.get("refunds/", headers).status_code, 200)

    def test_it_is_not_deleted_while_somebody_has_it_or_is_invited(self) -> None:
        role = self.role_of(TILL)
        user, _ = self.holder(role)
        self.assert_problem(self.delete(f"roles/{role}/", self.owner), 409, "state_conflict")
        self.give(user, Role.VIEWER)
        invited = self.post("team/invitations/", {"email": "a@example.com", "role": role}, self.owner).json()
        self.assertEqual(invited["role"], role)
        self.assert_problem(self.delete(f"roles/{role}/", self.owner), 409, "state_conflict")
        self.delete(f"team/invitations/{invited['id']}/", self.owner)
        self.assertEqual(self.delete(f"roles/{role}/", self.owner).status_code, 204)
        self.assert_problem(self.get(f"roles/{role}/", self.owner), 404, "resource_missing")


@override_settings(RATE_LIMITS={name: "9999/1m" for name in settings.RATE_LIMITS})
class Climbing(Calls):
    """Somebody with the team in hand and little else."""

    def setUp(self) -> None:
        super().setUp()
        self.role = self.role_of([*TILL, "team:write"], "Shift leader")
        self.leader, self.headers = self.holder(self.role)

    def test_nobody_is_given_more_than_the_giver_has(self) -> None:
        wide = self.role_of(["payouts:approve"], "Approver")
        for role in (*(each for each in Role.values), wide):
            with self.subTest(role=role):
                self.assert_problem(self.add(make_user().email, role, self.headers), 403, "permission_denied")
                asked = {"email": "a@example.com", "role": role}
                self.assert_problem(self.post("team/invitations/", asked, self.headers), 403, "permission_denied")
                self.assert_problem(self.give(self.leader, role, self.headers), 403, "permission_denied")
        self.assertEqual(self.seat(self.leader).role_name, self.role)

    def test_nobody_above_is_changed_or_removed(self) -> None:
        till = self.role_of(TILL, "Till")
        for user in (self.owner_user, self.admin_user, make_member(self.merchant, Role.VIEWER)):
            self.assert_problem(self.give(user, till, self.headers), 403, "permission_denied")
            self.assert_problem(self.remove(user, self.headers), 403, "permission_denied")
        user, _ = self.holder(till)
        self.assertEqual(self.give(user, self.role, self.headers).status_code, 200)
        self.assertEqual(self.remove(user, self.headers).status_code, 204)

    def test_no_role_is_made_or_widened_beyond_its_maker(self) -> None:
        self.assert_problem(self.make(["refunds:read"], "Climb", self.headers), 403, "permission_denied")
        wider = {"scopes": [*TILL, "team:write", "payouts:approve"]}
        self.assert_problem(self.patch(f"roles/{self.role}/", wider, self.headers), 403, "permission_denied")
        wide = self.role_of(["payouts:approve"], "Approver")
        for answer in (
            self.patch(f"roles/{wide}/", {"scopes": TILL}, self.headers),
            self.delete(f"roles/{wide}/", self.headers),
        ):
            self.assert_problem(answer, 403, "permission_denied")
        self.assertEqual(self.make(TILL, "Till", self.headers).status_code, 201)

    def test_a_right_that_was_just_taken_gives_nothing(self) -> None:
        """The caller is known for some seconds as what they were; the team asks the database."""
        self.assertEqual(self.get("team/", self.headers).status_code, 200)
        CustomRole.objects.filter(name="Shift leader").update(scopes=["team:write"])
        self.assert_problem(self.make(TILL, "Till", self.headers), 403, "permission_denied")

    def test_the_rows_say_one_thing(self) -> None:
        self.assertEqual(Membership.objects.get(user=self.leader).role, "custom")
