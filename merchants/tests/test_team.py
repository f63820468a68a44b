"""The people of a merchant: who may add, change and remove them, and that an owner is always left."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse

from audit.models import AuditEvent
from merchants.models import Membership, Merchant, Role, Session, User
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import (
    key_headers,
    make_api_key,
    make_member,
    make_merchant,
    make_user,
    person_headers,
)
from merchants.tests.threads import at_once
from onpoint_pay.kit.clock import now


class TeamCalls:
    """A merchant with an owner and an admin."""

    def setUp(self: Any) -> None:
        super().setUp()  # type: ignore[safe-super]
        self.merchant = make_merchant("Duka Bora")
        self.owner_user = make_member(self.merchant, Role.OWNER)
        self.owner = person_headers(self.owner_user)
        self.admin_user = make_member(self.merchant, Role.ADMIN)
        self.admin = person_headers(self.admin_user)

    def add(self: Any, email: str, role: str = Role.SUPPORT, headers: dict[str, str] | None = None) -> HttpResponse:
        return self.post("team/", {"email": email, "role": role}, headers or self.owner)

    def give(self: Any, user: User, role: str, headers: dict[str, str] | None = None) -> HttpResponse:
        return self.patch(f"team/{self.seat(user).public_id}/", {"role": role}, headers or self.owner)

    def remove(self: Any, user: User, headers: dict[str, str] | None = None) -> HttpResponse:
        return self.delete(f"team/{self.seat(user).public_id}/", headers or self.owner)

    def seat(self: Any, user: User, merchant: Merchant | None = None) -> Membership:
        return Membership.objects.get(user=user, merchant=merchant or self.merchant)

    def deeds(self: Any) -> list[tuple[str, str, dict[str, Any]]]:
        rows = AuditEvent.objects.filter(action__startswith="member.").order_by("seq")
        return [(row.action, row.actor, row.told) for row in rows]


class Adding(TeamCalls, ApiTestCase):
    def test_somebody_who_has_registered(self) -> None:
        user = make_user("amina@example.com", first_name="Amina", last_name="Otieno")
        answer = self.add("Amina@Example.com", Role.FINANCE)
        self.assertEqual(answer.status_code, 201, answer.content)
        found = answer.json()
        seat = self.seat(user)
        moment = found.pop("created_at")
        wanted = {
            "id": seat.public_id,
            "object": "member",
            "user": user.public_id,
            "email": "amina@example.com",
            "first_name": "Amina",
            "last_name": "Otieno",
            "role": "finance",
            "added_by": self.owner_user.public_id,
        }
        self.assertEqual(found, wanted)
        self.assertEqual(answer["Location"], f"/api/v1/team/{seat.public_id}/")
        self.assertEqual(self.get(f"team/{seat.public_id}/", self.owner).json(), wanted | {"created_at": moment})
        told = ("member.added", self.owner_user.public_id, {"user": user.public_id, "role": "finance"})
        self.assertEqual(self.deeds(), [told])
        self.assertEqual(self.get("payments/", person_headers(user)).status_code, 200)

    def test_nobody_of_this_address(self) -> None:
        found = self.assert_problem(self.add("nobody@example.com"), 404, "resource_missing")
        self.assertIn("/team/invitations/", found["detail"])
        self.assertEqual(Membership.objects.filter(merchant=self.merchant).count(), 2)
        self.assertEqual(self.deeds(), [])

    def test_a_closed_account_is_nobody(self) -> None:
        make_user("closed@example.com", is_active=False)
        self.assert_problem(self.add("closed@example.com"), 404, "resource_missing")

    def test_once(self) -> None:
        user = make_user()
        self.assertEqual(self.add(user.email).status_code, 201)
        self.assert_problem(self.add(user.email, Role.ADMIN), 409, "state_conflict")
        self.assertEqual(self.seat(user).role, "support")

    def test_what_is_asked_must_be_whole(self) -> None:
        self.assert_problem(self.add("nonsense"), 400, "email_invalid")
        self.assert_problem(self.add("a@example.com", "king"), 400, "parameter_invalid")
        self.assert_problem(self.post("team/", {"email": "a@example.com"}, self.owner), 400, "parameter_missing")
        more = {"email": "a@example.com", "role": "viewer", "merchant": "mer_x"}
        self.assert_problem(self.post("team/", more, self.owner), 400, "unknown_parameter")

    def test_a_place_at_another_merchant_is_another_place(self) -> None:
        """The token's own merchant, unless the header names the other."""
        other = make_merchant("Mama Mboga")
        user = make_member(other, Role.OWNER)
        self.add(user.email, Role.VIEWER)
        here = person_headers(user, merchant=self.merchant)
        there = person_headers(user, merchant=other)
        self.assertEqual(self.get("merchant/", here).json()["id"], self.merchant.public_id)
        self.assertEqual(self.get("merchant/", there).json()["id"], other.public_id)
        self.assert_problem(self.get("team/", here), 403, "insufficient_scope")
        self.assertEqual([row["user"] for row in self.get("team/", there).json()["data"]], [user.public_id])


class Changing(TeamCalls, ApiTestCase):
    def test_a_role_counts_from_the_next_request(self) -> None:
        user = make_member(self.merchant, Role.VIEWER)
        headers = person_headers(user)
        self.assert_problem(self.get("api-keys/", headers), 403, "insufficient_scope")
        with self.captureOnCommitCallbacks(execute=True):
            self.assertEqual(self.give(user, Role.DEVELOPER).json()["role"], "developer")
        self.assertEqual(self.get("api-keys/", headers).status_code, 200)
        told = {"user": user.public_id, "role": "developer", "before": "viewer"}
        self.assertEqual(self.deeds(), [("member.changed", self.owner_user.public_id, told)])

    def test_the_same_role_changes_nothing(self) -> None:
        self.assertEqual(self.give(self.admin_user, Role.ADMIN).status_code, 200)
        self.assertEqual(self.deeds(), [])

    def test_the_last_owner_stays_one(self) -> None:
        self.assert_problem(self.give(self.owner_user, Role.ADMIN), 409, "state_conflict")
        self.assert_problem(self.remove(self.owner_user), 409, "state_conflict")
        self.assertEqual((self.seat(self.owner_user).role, self.deeds()), ("owner", []))
        self.give(self.admin_user, Role.OWNER)
        self.assertEqual(self.give(self.owner_user, Role.VIEWER).status_code, 200)

    def test_only_owners_make_and_unmake_owners(self) -> None:
        second = make_member(self.merchant, Role.OWNER)
        for answer in (
            self.give(self.admin_user, Role.OWNER, self.admin),
            self.give(second, Role.VIEWER, self.admin),
            self.remove(second, self.admin),
            self.add(make_user().email, Role.OWNER, self.admin),
        ):
            self.assert_problem(answer, 403, "permission_denied")
        self.assertEqual(self.deeds(), [])
        self.assertEqual(self.add(make_user().email, Role.ADMIN, self.admin).status_code, 201)

    def test_a_role_that_was_just_taken_makes_no_owners(self) -> None:
        """The caller is known for some seconds as what they were; owners are asked of the database."""
        second = make_member(self.merchant, Role.OWNER)
        theirs = person_headers(second)
        self.assertEqual(self.get("team/", theirs).status_code, 200)
        Membership.objects.filter(user=second).update(role=Role.ADMIN)
        self.assert_problem(self.give(second, Role.OWNER, theirs), 403, "permission_denied")


class Removing(TeamCalls, ApiTestCase):
    def test_they_are_out_at_once(self) -> None:
        user = make_member(self.merchant, Role.FINANCE)
        headers = person_headers(user)
        self.assertEqual(self.get("payments/", headers).status_code, 200)
        with self.captureOnCommitCallbacks(execute=True):
            self.assertEqual(self.remove(user).status_code, 204)
        self.assert_problem(self.get("payments/", headers), 403, "permission_denied")
        self.assertFalse(Membership.objects.filter(user=user).exists())
        told = {"user": user.public_id, "before": "finance"}
        self.assertEqual(self.deeds(), [("member.removed", self.owner_user.public_id, told)])

    def test_somebody_may_leave(self) -> None:
        self.assertEqual(self.remove(self.admin_user, self.admin).status_code, 204)

    def test_nobody_is_removed_twice(self) -> None:
        path = f"team/{self.seat(self.admin_user).public_id}/"
        self.assertEqual(self.delete(path, self.owner).status_code, 204)
        self.assert_problem(self.delete(path, self.owner), 404, "resource_missing")


class Doors(TeamCalls, ApiTestCase):
    def test_no_key_and_no_lesser_role_gets_in(self) -> None:
        others = [key_headers(make_api_key(self.merchant))]
        for role in (Role.FINANCE, Role.DEVELOPER, Role.SUPPORT, Role.VIEWER):
            others.append(person_headers(make_member(self.merchant, role)))
        for headers in others:
            for answer in (
                self.get("team/", headers),
                self.add("a@example.com", headers=headers),
                self.give(self.admin_user, Role.VIEWER, headers),
                self.remove(self.admin_user, headers),
            ):
                self.assert_problem(answer, 403, "insufficient_scope")

    def test_pages(self) -> None:
        users = [make_member(self.merchant, Role.VIEWER) for _ in range(3)]
        seen: list[str] = []
        cursor = ""
        for _ in range(3):
            page = self.get(f"team/?limit=2{cursor}", self.owner).json()
            seen += [row["user"] for row in page["data"]]
            cursor = f"&cursor={page['next_cursor']}"
        wanted = [*reversed(users), self.admin_user, self.owner_user]
        self.assertEqual(seen, [user.public_id for user in wanted])
        self.assert_problem(self.get("team/?role=viewer", self.owner), 400, "parameter_invalid")

    def test_both_modes_have_the_same_team(self) -> None:
        self.merchant.live_enabled, self.merchant.kyc_status = True, "verified"
        self.merchant.save(update_fields=["live_enabled", "kyc_status"])
        live = self.get("team/", person_headers(self.owner_user, mode="live")).json()
        self.assertEqual(live["data"], self.get("team/", self.owner).json()["data"])


class AtOnce(TeamCalls, CommittingTestCase):
    def test_two_owners_cannot_unmake_each_other(self) -> None:
        second = make_member(self.merchant, Role.OWNER)
        pairs = [(self.owner, second), (person_headers(second), self.owner_user)]
        paths = [(headers, f"team/{self.seat(user).public_id}/") for headers, user in pairs]
        answers = at_once(2, lambda n: self.patch(paths[n][1], {"role": "viewer"}, paths[n][0]))
        self.assertEqual(sorted(answer.status_code for answer in answers)[0], 200)
        self.assertIn(sorted(answer.status_code for answer in answers)[1], (403, 409))
        self.assertEqual(Membership.objects.filter(merchant=self.merchant, role=Role.OWNER).count(), 1)


class RefundLimit(TeamCalls, ApiTestCase):
    """What a merchant decides about itself: above which amount a refund waits for a second person."""

    def test_it_is_shown_and_changed(self) -> None:
        self.assertIsNone(self.get("merchant/", self.owner).json()["refund_approval_above"])
        for given, told, minor in (("5000", "5000.00", 5000_00), (0, "0.00", 0), (None, None, None)):
            with self.subTest(given=given):
                answer = self.patch("merchant/", {"refund_approval_above": given}, self.admin)
                self.assertEqual(answer.status_code, 200, answer.content)
                self.assertEqual(answer.json()["refund_approval_above"], told)
                self.merchant.refresh_from_db()
                self.assertEqual(self.merchant.refund_approval_above, minor)
        rows = AuditEvent.objects.filter(action="merchant.refund_limit_changed").order_by("seq")
        self.assertEqual(
            [row.told for row in rows],
            [{"from": None, "to": 5000_00}, {"from": 5000_00, "to": 0}, {"from": 0, "to": None}],
        )

    def test_only_in_person_by_owners_and_admins(self) -> None:
        finance = person_headers(make_member(self.merchant, Role.FINANCE))
        for headers in (finance, key_headers(make_api_key(self.merchant))):
            answer = self.patch("merchant/", {"refund_approval_above": "1"}, headers)
            self.assert_problem(answer, 403, "insufficient_scope")

    def test_what_is_asked_must_be_whole(self) -> None:
        for body, code in (
            ({}, "parameter_missing"),
            ({"refund_approval_above": "-1"}, "amount_invalid"),
            ({"fee_bps": 0, "refund_approval_above": "1"}, "unknown_parameter"),
        ):
            with self.subTest(body=body):
                self.assert_problem(self.patch("merchant/", body, self.owner), 400, code)

    def test_only_by_who_has_just_proved_who_they_are(self) -> None:
        Session.objects.update(proved_at=now() - timedelta(minutes=11))
        for answer in (
            self.patch("merchant/", {"refund_approval_above": "1"}, self.owner),
            self.give(self.admin_user, Role.VIEWER),
            self.remove(self.admin_user),
            self.add(make_user().email),
        ):
            self.assert_problem(answer, 403, "step_up_required")
        self.assertEqual((self.deeds(), AuditEvent.objects.filter(action__startswith="merchant.").count()), ([], 0))

    def test_new_merchants_begin_with_the_setting(self) -> None:
        with self.settings(REFUND_APPROVAL_ABOVE=10_000_00):
            self.assertEqual(make_merchant().refund_approval_above, 10_000_00)
        self.assertIsNone(make_merchant().refund_approval_above)
