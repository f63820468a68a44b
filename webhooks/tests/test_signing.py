"""Signatures, checked by the public Standard Webhooks package."""

import base64
from datetime import UTC, datetime, timedelta, timezone

from django.test import SimpleTestCase
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks.signing import new_secret, sign_headers

BODY = '{"id":"evt_1","note":"Wanjikũ"}'


class Signing(SimpleTestCase):
    def test_every_live_secret_verifies_the_newest_first(self) -> None:
        newer, older = new_secret(), new_secret()
        headers = sign_headers("evt_1", BODY, signing_secrets=[newer, older], at=datetime.now(UTC))
        for secret in (newer, older):
            self.assertEqual(Webhook(secret).verify(BODY.encode(), headers), {"id": "evt_1", "note": "Wanjikũ"})
        first, second = headers["webhook-signature"].split(" ")
        self.assertEqual(
            sign_headers("evt_1", BODY, signing_secrets=[newer], at=datetime.now(UTC))["webhook-signature"], first
        )
        self.assertNotEqual(first, second)

    def test_another_secret_body_or_id_does_not(self) -> None:
        secret = new_secret()
        headers = sign_headers("evt_1", BODY, signing_secrets=[secret], at=datetime.now(UTC))
        for other, body, changes in [
            (new_secret(), BODY, {}),
            (secret, BODY + " ", {}),
            (secret, BODY, {"webhook-id": "evt_2"}),
        ]:
            with self.assertRaises(WebhookVerificationError):
                Webhook(other).verify(body.encode(), {**headers, **changes})

    def test_timestamp_is_the_instant_in_whole_seconds(self) -> None:
        instant = datetime(2026, 11, 21, 11, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=3)))
        headers = sign_headers("evt_1", BODY, signing_secrets=[new_secret()], at=instant)
        self.assertEqual(headers["webhook-timestamp"], str(int(datetime(2026, 11, 21, 8, tzinfo=UTC).timestamp())))

    def test_nothing_goes_unsigned(self) -> None:
        with self.assertRaises(ValueError):
            sign_headers("evt_1", BODY, signing_secrets=[], at=datetime.now(UTC))

    def test_secrets_hold_32_random_bytes(self) -> None:
        first, second = new_secret(), new_secret()
        self.assertNotEqual(first, second)
        self.assertTrue(first.startswith("whsec_"))
        self.assertEqual(len(base64.b64decode(first.removeprefix("whsec_"), validate=True)), 32)
