"""The caller's merchant, and the secret its webhooks are signed with."""

from audit.models import AuditEvent
from merchants.models import IdempotencyKey
from merchants.serializers import MerchantSettingsSerializer, WebhookSecretSerializer
from merchants.services.onboarding import register_merchant
from merchants.services.standing import restore_merchant, suspend_merchant
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import PASSWORD, key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.ids import new_id
from webhooks.models import Event, Secret
from webhooks.services.endpoints import default_secret


class MerchantTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user, self.merchant = register_merchant(
            business_name="Duka Bora",
            email="wanjiku@example.com",
            password=PASSWORD,
            first_name="Wanjiku",
            last_name="Kamau",
            phone="254712345678",
        )
        self.headers = person_headers(self.user)

    def rotate(self, headers: dict[str, str], **body: object) -> object:
        return self.post("merchant/rotate-webhook-secret/", body, headers)

    def test_everybody_at_the_merchant_sees_it(self) -> None:
        for headers in (
            self.headers,
            key_headers(make_api_key(self.merchant)),
            person_headers(make_member(self.merchant, "viewer")),
        ):
            found = self.get("merchant/", headers).json()
            self.assertEqual(list(found), list(MerchantSettingsSerializer().fields))
            self.assertEqual((found["id"], found["livemode"]), (self.merchant.public_id, False))
            secret = default_secret(self.merchant.id, "test")
            self.assertEqual(found["default_webhook_secret_last4"], secret[-4:])
            self.assertNotIn(secret, str(found))

    def test_a_merchant_without_a_secret_says_so(self) -> None:
        headers = key_headers(make_api_key(make_merchant()))
        self.assertIsNone(self.get("merchant/", headers).json()["default_webhook_secret_last4"])

    def test_rotating_shows_the_new_secret_and_keeps_the_other_mode(self) -> None:
        live = default_secret(self.merchant.id, "live")
        answer = self.rotate(self.headers)
        found = answer.json()
        self.assertEqual((answer.status_code, list(found)), (200, list(WebhookSecretSerializer().fields)))
        self.assertTrue(found["secret"].startswith("whsec_"))
        self.assertEqual(default_secret(self.merchant.id, "test"), found["secret"])
        self.assertEqual(default_secret(self.merchant.id, "live"), live)
        self.assertEqual(
            self.get("merchant/", self.headers).json()["default_webhook_secret_last4"], found["secret"][-4:]
        )
        event = AuditEvent.objects.get(action="webhook_secret.rotated")
        self.assertEqual((event.actor, event.stream), (self.user.public_id, f"m{self.merchant.id}"))

    def test_a_repeat_of_the_rotation_rotates_once(self) -> None:
        headers = self.headers | {"Idempotency-Key": "rotate-in-november"}
        first, again = self.rotate(headers), self.rotate(headers)
        self.assertEqual(first.content, again.content)
        self.assertEqual(again["Idempotent-Replayed"], "true")
        self.assertEqual(Secret.objects.filter(mode="test").count(), 2)
        self.assertNotIn(first.json()["secret"], IdempotencyKey.objects.get().body)

    def test_who_may_not_and_what_is_wrong(self) -> None:
        viewer = person_headers(make_member(self.merchant, "viewer"))
        found = self.assert_problem(self.rotate(viewer), 403, "insufficient_scope")
        self.assertEqual(found["required_scope"], "webhooks:write")
        self.assert_problem(self.rotate(self.headers, overlap_hours=169), 400, "parameter_invalid")
        self.assertEqual(Secret.objects.count(), 2)


class StandingTests(ApiTestCase):
    def test_each_change_is_told_once(self) -> None:
        merchant = make_merchant()
        for _ in range(2):
            suspended = suspend_merchant(merchant_id=merchant.id, actor="operator", reason="review")
        self.assertEqual((suspended.status, suspended.version), ("suspended", 2))
        restored = restore_merchant(merchant_id=merchant.id, actor="operator", reason="cleared")
        self.assertEqual((restored.status, restored.version), ("active", 3))
        told = AuditEvent.objects.order_by("seq").values_list("action", "detail")
        self.assertEqual(
            list(told), [("merchant.suspended", {"reason": "review"}), ("merchant.restored", {"reason": "cleared"})]
        )
        events = Event.objects.filter(merchant_id=merchant.id).order_by("id").values_list("type", "mode")
        expected = [(type, mode) for type in ("merchant.suspended", "merchant.restored") for mode in MODES]
        self.assertEqual(list(events), expected)

    def test_nobody_there(self) -> None:
        with self.assertRaises(NotFound):
            suspend_merchant(merchant_id=new_id(), actor="operator", reason="review")
