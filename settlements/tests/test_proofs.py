"""What money leaves by asks who one is, again: without a fresh proof nothing is kept, approved or settled."""

from datetime import timedelta

from django.test import override_settings

from merchants.models import Role, Session
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import PASSWORD
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from settlements.models import PayoutDestination
from settlements.tests.payouts import BANK, PayoutCalls, make_batch


class WithoutProof(PayoutCalls, ApiTestCase):
    def stale(self, role: str = Role.OWNER) -> dict[str, str]:
        """Somebody who signed in eleven minutes ago."""
        headers = self.person(role)
        Session.objects.update(proved_at=now() - timedelta(minutes=11))
        return headers

    def test_destinations_stay_as_they_are(self) -> None:
        kept = self.destination()
        headers = self.stale()
        body = BANK | {"label": "Another", "account_number": "99887766"}
        path = f"payout-destinations/{to_public('dst', kept.id)}/"
        for answer in (
            self.post("payout-destinations/", body, headers),
            self.patch(path, {"label": "Mine"}, headers),
            self.delete(path, headers),
        ):
            self.assert_problem(answer, 403, "step_up_required")
        found = PayoutDestination.objects.get()
        self.assertEqual((found.label, found.status), ("Main account", "active"))
        self.assertEqual(self.post("auth/step-up/", {"password": PASSWORD}, headers).status_code, 200)
        self.assertEqual(self.delete(path, headers).status_code, 200)

    @override_settings(PAYOUT_APPROVAL_ABOVE=1)
    def test_a_payout_goes_on_waiting(self) -> None:
        payout = self.payout()
        headers = self.stale(Role.ADMIN)
        self.assert_problem(self.decide(payout, "approve", headers), 403, "step_up_required")
        self.assert_payout(payout, "requires_approval", approved_by=None)
        self.assertEqual(self.post("auth/step-up/", {"password": PASSWORD}, headers).status_code, 200)
        self.assertEqual(self.decide(payout, "approve", headers).status_code, 200)

    def test_a_batch_too(self) -> None:
        name = make_batch(self.merchant, "test")
        answer = self.post(f"payout-batches/{name}/approve/", {}, self.stale(Role.ADMIN))
        self.assert_problem(answer, 403, "step_up_required")
        self.assertEqual(self.get(f"payout-batches/{name}/", self.headers).json()["status"], "requires_approval")

    def test_nothing_is_settled(self) -> None:
        self.assert_problem(self.post("settlements/run/", {}, self.stale()), 403, "step_up_required")

    @override_settings(PAYOUT_APPROVAL_ABOVE=1)
    def test_asking_and_calling_off_need_no_proof(self) -> None:
        headers = self.stale()
        payout = self.payout(headers)
        self.assertEqual(self.decide(payout, "cancel", headers).status_code, 200)
