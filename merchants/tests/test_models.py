"""What the database itself refuses."""

from typing import Any

from django.db import IntegrityError, transaction
from django.test import TestCase

from merchants.models import ApiKey, IdempotencyKey, Membership, Merchant, User
from merchants.tests.factories import make_api_key, make_member, make_merchant, make_user
from onpoint_pay.kit.clock import now


class ConstraintTests(TestCase):
    def assert_refused(self, constraint: str, change: Any) -> None:
        with self.assertRaises(IntegrityError) as caught, transaction.atomic():
            change()
        self.assertIn(f'"{constraint}"', str(caught.exception))

    def test_people(self) -> None:
        make_user("wanjiku@example.com")
        self.assert_refused("user_email_once", lambda: make_user("wanjiku@example.com"))
        self.assert_refused("user_email_lower", lambda: make_user("Wanjiku@example.com"))
        self.assertEqual(User.objects.count(), 1)

    def test_merchants(self) -> None:
        make_merchant()
        for constraint, change in {
            "merchant_status": {"status": "closed"},
            "merchant_kyc_status": {"kyc_status": "maybe"},
            "merchant_reference_policy": {"reference_policy": "none"},
            "merchant_confirm_policy": {"confirm_policy": "sometimes"},
            "merchant_fee_bps": {"fee_bps": 10_001},
            "merchant_fee_flat": {"fee_flat": -1},
            "merchant_version": {"version": 0},
        }.items():
            self.assert_refused(constraint, lambda change=change: Merchant.objects.update(**change))

    def test_memberships(self) -> None:
        merchant = make_merchant()
        user = make_member(merchant)
        self.assert_refused("membership_once", lambda: make_member(merchant, "viewer", user))
        self.assert_refused("membership_role", lambda: Membership.objects.update(role="king"))

    def test_api_keys(self) -> None:
        make_api_key(make_merchant())
        for constraint, change in {
            "api_key_mode": {"mode": "beta"},
            "api_key_kind": {"kind": "public"},
            "api_key_scopes": {"scopes": ["payments:read", "everything"]},
            "api_key_expires_later": {"expires_at": ApiKey.objects.get().created_at},
        }.items():
            self.assert_refused(constraint, lambda change=change: ApiKey.objects.update(**change))

    def test_idempotency_keys(self) -> None:
        merchant = make_merchant()

        def make(**changes: Any) -> IdempotencyKey:
            fields = {
                "merchant_id": merchant.id,
                "mode": "test",
                "key": "order-123",
                "fingerprint": "0" * 64,
                "request_id": "req_1",
                "lease_until": now(),
            }
            return IdempotencyKey.objects.create(**fields | changes)

        make()
        make(mode="live")
        make(key="order-124", phase="answered", status=201, body="{}")
        self.assert_refused("idempotency_key_once", make)
        self.assert_refused("idempotency_key_fingerprint", lambda: make(key="order-125", fingerprint="x" * 64))
        lost = {"phase": "lost"}
        for half in (lost, {"phase": "answered"}, {"status": 201}, {"phase": "answered", "status": 7, "body": "{}"}):
            self.assert_refused("idempotency_key_answer", lambda half=half: make(key="order-125", **half))
