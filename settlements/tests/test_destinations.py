"""Payout destinations: made by people, sealed, and young ones not used by one person alone in live mode."""

from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import Role
from merchants.tests.factories import key_headers, make_api_key, make_member, person_headers
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from settlements.models import PayoutDestination
from settlements.tests.payouts import BANK, PayoutTestCase, give


class Kept(PayoutTestCase):
    def test_a_person_keeps_one_sealed(self) -> None:
        row = self.destination(self.person(Role.FINANCE))
        self.assertNotIn("1234567890", f"{row.sealed}{row.shown}")
        self.assertEqual(row.usable_from, row.created_at)
        path = f"payout-destinations/{to_public('dst', row.id)}/"
        self.assertEqual(self.get(path, self.headers).json()["account_number"], "1234567890")
        self.assertEqual(
            self.get("payout-destinations/", self.headers).json()["data"][0]["account_number"], "1234****890"
        )
        self.assertTrue(AuditEvent.objects.filter(action="payout_destination.created").exists())

    def test_a_key_keeps_none_and_deletes_none(self) -> None:
        body = BANK | {"label": "Mine"}
        self.assert_problem(self.post("payout-destinations/", body, self.headers), 403, "permission_denied")
        self.assertFalse(PayoutDestination.objects.exists())
        row = self.destination()
        self.assert_problem(
            self.delete(f"payout-destinations/{to_public('dst', row.id)}/", self.headers), 403, "permission_denied"
        )
        row.refresh_from_db()
        self.assertEqual(row.status, "active")

    def test_the_same_one_is_kept_once_and_again_after_it_was_deleted(self) -> None:
        row = self.destination()
        owner = self.person(Role.OWNER)
        again = self.post("payout-destinations/", BANK | {"label": "Twice"}, owner)
        self.assert_problem(again, 409, "duplicate_reference")
        path = f"payout-destinations/{to_public('dst', row.id)}/"
        self.assertEqual(self.delete(path, owner).json()["status"], "deleted")
        self.destination()
        self.assertEqual(PayoutDestination.objects.filter(status="active").count(), 1)

    def test_only_its_name_changes(self) -> None:
        row = self.destination()
        path, owner = f"payout-destinations/{to_public('dst', row.id)}/", self.person(Role.OWNER)
        self.assertEqual(self.patch(path, {"label": "Old account"}, owner).json()["label"], "Old account")
        self.assert_problem(self.patch(path, {"account_number": "99"}, owner), 400, "validation_failed")

    def test_a_deleted_one_is_not_paid_to(self) -> None:
        row = self.destination()
        name = to_public("dst", row.id)
        self.delete(f"payout-destinations/{name}/", self.person(Role.OWNER))
        self.assert_problem(self.ask(destination={"id": name}), 409, "state_conflict")
        self.assert_nothing_asked()


class Young(PayoutTestCase):
    """Live mode."""

    def setUp(self) -> None:
        super().setUp()
        give(self.merchant, 10_000_00, mode=LIVE)
        self.live = key_headers(make_api_key(self.merchant, LIVE, created_by=self.owner_name))

    def test_for_three_days_a_second_person_agrees(self) -> None:
        row = self.destination(self.person(Role.OWNER, mode=LIVE))
        self.assertEqual((row.usable_from - row.created_at).total_seconds(), 72 * 3600)
        name = {"id": to_public("dst", row.id)}
        payout = self.payout(self.live, destination=name)
        self.assert_payout(payout, "requires_approval", approval_reasons=["new_destination"], destination_row_id=row.id)
        self.age(row, hours=71)
        self.assert_payout(self.payout(self.live, destination=name), "requires_approval")
        self.age(row, hours=73)
        self.assert_payout(self.payout(self.live, destination=name), "pending", approval_reasons=[])

    def test_whoever_added_it_does_not_approve(self) -> None:
        row = self.destination(self.person(Role.ADMIN, mode=LIVE))
        payout = self.payout(self.live, destination={"id": to_public("dst", row.id)})
        for role in (Role.ADMIN, Role.OWNER):
            answer = self.decide(payout, "approve", self.person(role, mode=LIVE))
            self.assert_problem(answer, 403, "own_request_approval")
        third = make_member(self.merchant, Role.OWNER)
        self.assertEqual(self.decide(payout, "approve", person_headers(third, mode=LIVE)).status_code, 200)
        self.assert_payout(payout, "pending", approved_by=to_public("usr", third.id))

    def test_one_that_is_not_kept_is_new_every_time(self) -> None:
        self.assert_payout(
            self.payout(self.live, destination=BANK), "requires_approval", approval_reasons=["new_destination"]
        )

    def test_one_that_is_named_in_full_counts_as_the_kept_one(self) -> None:
        row = self.destination(self.person(Role.OWNER, mode=LIVE))
        self.age(row, hours=80)
        payout = self.payout(self.live, destination=BANK)
        self.assert_payout(payout, "pending", destination_row_id=row.id)

    def test_one_of_test_mode_is_none_of_live_mode(self) -> None:
        row = self.destination()
        answer = self.ask(self.live, destination={"id": to_public("dst", row.id)})
        self.assert_problem(answer, 404, "resource_missing")

    @override_settings(PAYOUT_DESTINATION_HOURS=1)
    def test_the_wait_is_a_setting(self) -> None:
        row = self.destination(self.person(Role.OWNER, mode=LIVE))
        self.assertEqual((row.usable_from - row.created_at).total_seconds(), 3600)
