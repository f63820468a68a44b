"""A merchant of one person: what they are told when they cannot agree with themselves, and what then helps."""

from typing import Any

from django.test import override_settings

from merchants.models import Role
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.ids import to_public
from settlements.models import Payout
from settlements.tests.payouts import PHONE, give, keyed, public


@override_settings(PAYOUT_APPROVAL_ABOVE=50_00)
class SoleOwner(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Moja")
        self.owner = make_member(self.merchant, Role.OWNER)
        owner_name = to_public("usr", self.owner.id)
        self.key = key_headers(make_api_key(self.merchant, created_by=owner_name))
        give(self.merchant, 1_000_00)

    def waiting(self, headers: dict[str, str] | None = None) -> Payout:
        body = {"amount": 100, "destination": PHONE, "reason": "Earnings"}
        answer = self.post("payouts/", body, keyed(headers or self.key))
        self.assertEqual((answer.status_code, answer.json()["status"]), (201, "requires_approval"), answer.content)
        return Payout.objects.latest("created_at")

    def refused(self, payout: Payout) -> dict[str, Any]:
        answer = self.post(f"payouts/{public(payout)}/approve/", {}, person_headers(self.owner))
        found: dict[str, Any] = self.assert_problem(answer, 403, "own_request_approval")
        payout.refresh_from_db()
        self.assertEqual((payout.status, payout.approved_by), ("requires_approval", None))
        return found

    def test_their_own_key_asked_and_nobody_else_is_there(self) -> None:
        payout = self.waiting()
        found = self.refused(payout)
        self.assertIn("made the key it was asked with", found["detail"])
        self.assertIn("Nobody else here may approve it", found["next_step"])
        self.assertIn("POST /api/v1/team/", found["next_step"])
        self.assertIn("have the limit raised", found["next_step"])

    def test_they_asked_in_person(self) -> None:
        found = self.refused(self.waiting(person_headers(self.owner)))
        self.assertIn("Nobody else here may approve it", found["next_step"])

    def test_somebody_who_may_not_approve_is_no_help(self) -> None:
        for role in (Role.FINANCE, Role.DEVELOPER, Role.VIEWER):
            make_member(self.merchant, role)
        make_member(make_merchant("Mama Mboga"), Role.OWNER)
        self.assertIn("Nobody else here", self.refused(self.waiting())["next_step"])

    def test_a_second_person_is_added_and_agrees(self) -> None:
        payout = self.waiting()
        admin = make_member(self.merchant, Role.ADMIN)
        self.assertEqual(
            self.refused(payout)["next_step"], "Have another person of the business approve the payout: 1 may."
        )
        answer = self.post(f"payouts/{public(payout)}/approve/", {}, person_headers(admin))
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "pending"), answer.content)

    def test_called_off_the_limit_raised_and_asked_for_again(self) -> None:
        payout = self.waiting()
        self.assertEqual(
            self.post(f"payouts/{public(payout)}/cancel/", {}, person_headers(self.owner)).status_code, 200
        )
        with override_settings(PAYOUT_APPROVAL_ABOVE=100_00):
            body = {"amount": 100, "destination": PHONE, "reason": "Earnings"}
            answer = self.post("payouts/", body, keyed(self.key))
        self.assertEqual((answer.status_code, answer.json()["status"]), (201, "pending"))

    def test_a_batch_tells_the_same(self) -> None:
        items = [{"amount": 30, "destination": PHONE, "reason": "Earnings"} for _ in range(2)]
        name = self.post("payout-batches/", {"description": "Riders", "items": items}, keyed(self.key)).json()["id"]
        answer = self.post(f"payout-batches/{name}/approve/", {}, person_headers(self.owner))
        found = self.assert_problem(answer, 403, "own_request_approval")
        self.assertIn("have them approve the batch", found["next_step"])
