"""docs/verify-webhooks.md: its receivers take what we sign and deliver, and nothing else."""

import base64
import hashlib
import hmac
import json
import re
import unittest
from datetime import timedelta
from typing import Any, ClassVar

from django.test import TransactionTestCase, override_settings

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.local.ports import choose_free
from tests.example_process import FOLDER, ROOT, Example, running
from webhooks.events import event_body
from webhooks.models import Delivery, Event
from webhooks.services.drain import Counts
from webhooks.services.endpoints import rotate_secret
from webhooks.signing import new_secret, sign_headers
from webhooks.tests.factories import drain, make_endpoint, publish

PAGE = ROOT / "docs" / "verify-webhooks.md"
SHOWN = re.compile(r"\]\(examples/verify/([\w.]+)\)(?:(?!\n\n).)*\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TAKEN, REFUSED, BROKEN = 200, 400, 500


def make_event() -> tuple[str, str]:
    """A public id and a body as we send it, with a letter beyond ASCII."""
    event_id = new_id()
    body = event_body(
        event_id,
        "payment.completed",
        merchant_id=new_id(),
        mode="test",
        at=now(),
        object={"object": "payment", "amount": "100.00", "description": "Wanjikũ's order / 7"},
        previous={"status": "pending"},
        request_id="req_01",
        idempotency_key=None,
    )
    return to_public("evt", event_id), body


def signed_by_hand(event_id: str, body: str, *, key: bytes) -> dict[str, str]:
    """As someone would sign who knows the scheme and tries a key."""
    timestamp = str(int(now().timestamp()))
    digest = hmac.digest(key, f"{event_id}.{timestamp}.{body}".encode(), hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-signature": signature}


class Verifying:
    """What every receiver does with one request."""

    name: ClassVar[str]
    # PHP starts anew for each request, and can only refuse them all.
    starts_without_a_secret: ClassVar[bool] = False
    secret: ClassVar[str]
    example: ClassVar[Example]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()  # type: ignore[misc]
        cls.secret = new_secret()
        cls.example = cls.enterClassContext(running(cls.name, secret=cls.secret))  # type: ignore[attr-defined]

    def setUp(self) -> None:
        self.event_id, self.body = make_event()
        self.before = self.example.kept()

    def signed(self, *, secrets: tuple[str, ...] = (), seconds_ago: int = 0) -> dict[str, str]:
        at = now() - timedelta(seconds=seconds_ago)
        return sign_headers(self.event_id, self.body, signing_secrets=secrets or (self.secret,), at=at)

    def assert_taken(self: Any, headers: dict[str, str]) -> None:
        self.assertEqual(self.example.post(self.body, headers), TAKEN)
        self.assertEqual(self.example.kept(), self.before | {self.event_id: self.body})

    def assert_refused(self: Any, headers: dict[str, str], *, body: str | None = None) -> None:
        self.assertEqual(self.example.post(self.body if body is None else body, headers), REFUSED)
        self.assertEqual(self.example.kept(), self.before)

    def test_what_we_signed_is_kept_byte_for_byte(self) -> None:
        self.assert_taken(self.signed())

    def test_header_names_in_any_case(self) -> None:
        self.assert_taken({name.title(): value for name, value in self.signed().items()})

    def test_a_repeat_is_taken_and_changes_nothing(self: Any) -> None:
        self.assert_taken(self.signed(seconds_ago=60))
        first = self.example.inbox / f"{self.event_id}.json"
        first.write_text("seen by the worker")
        self.assertEqual(self.example.post(self.body, self.signed()), TAKEN)
        self.assertEqual(self.example.kept(), self.before | {self.event_id: "seen by the worker"})

    def test_each_secret_of_a_rotation_verifies_alone(self) -> None:
        self.assert_taken(self.signed(secrets=(new_secret(), self.secret)))
        self.assert_taken(self.signed(secrets=(self.secret, new_secret())))

    def test_signatures_of_other_versions_are_passed_over(self) -> None:
        headers = self.signed()
        self.assert_taken(headers | {"webhook-signature": f"v1a,c29tZQ== {headers['webhook-signature']}"})

    def test_five_minutes_either_way_and_no_more(self) -> None:
        for seconds_ago in (330, -330):
            self.assert_refused(self.signed(seconds_ago=seconds_ago))
        for seconds_ago in (270, -270):
            self.assert_taken(self.signed(seconds_ago=seconds_ago))

    def test_another_body_is_refused(self) -> None:
        headers = self.signed()
        rewritten = json.dumps(json.loads(self.body))
        for body in (self.body.replace("100.00", "900.00"), self.body + "\n", rewritten, ""):
            self.assert_refused(headers, body=body)
        self.assertEqual(json.loads(rewritten), json.loads(self.body))

    def test_another_timestamp_or_id_is_refused(self) -> None:
        headers = self.signed()
        later = str(int(headers["webhook-timestamp"]) + 1)
        for timestamp in (later, "soon", "-1", "nan", "9" * 400):
            self.assert_refused(headers | {"webhook-timestamp": timestamp})
        self.assert_refused(headers | {"webhook-id": to_public("evt", new_id())})

    def test_a_missing_or_empty_header_is_refused(self) -> None:
        headers = self.signed()
        for missing in headers:
            self.assert_refused({name: value for name, value in headers.items() if name != missing})
            self.assert_refused(headers | {missing: ""})
        self.assert_refused({})

    def test_a_foreign_secret_is_refused(self) -> None:
        self.assert_refused(self.signed(secrets=(new_secret(), new_secret())))

    def test_a_signature_that_is_none_is_refused(self) -> None:
        (right,) = self.signed()["webhook-signature"].split()
        digest = right.removeprefix("v1,")
        for wrong in ("v1", "v1,", "v1,!", "v1,Zm9y", "v1,\xe9", digest, f"v2,{digest}", right[:-4]):
            self.assert_refused(self.signed() | {"webhook-signature": wrong})

    def test_a_request_cut_off_half_way_does_not_stop_it(self) -> None:
        self.example.post_half(self.body, self.signed())
        self.assert_taken(self.signed())

    def test_an_empty_secret_accepts_nothing(self: Any) -> None:
        with running(self.name, secret="") as example:
            self.assertEqual(example.is_listening(), self.starts_without_a_secret)
            if self.starts_without_a_secret:
                forged = signed_by_hand(self.event_id, self.body, key=b"")
                self.assertEqual(example.post(self.body, forged), BROKEN)
            self.assertEqual(example.kept(), {})


class Delivering:
    """What the drain delivers to it, while secrets change."""

    name: ClassVar[str]

    def setUp(self: Any) -> None:
        self.enterContext(override_settings(WEBHOOK_ALLOW_PRIVATE=True))
        self.port = choose_free()
        self.merchant = make_merchant()
        url = f"http://127.0.0.1:{self.port}/webhooks"
        self.endpoint, self.secret = make_endpoint(self.merchant, url=url)

    def with_secret(self, secret: str) -> Any:
        return running(self.name, secret=secret, port=self.port)

    def assert_delivered(self: Any, example: Example) -> None:
        """A new event goes out and is taken."""
        event_id = publish(self.merchant)
        self.assertEqual(drain(), Counts(delivered=1))
        self.assertEqual(example.kept(), {to_public("evt", event_id): Event.objects.get(pk=event_id).body})
        self.assertEqual(self.last_word(), ("delivered", TAKEN))

    def last_word(self) -> tuple[str, int | None]:
        return Delivery.objects.order_by("-id").values_list("state", "last_status")[0]

    def test_what_is_delivered_is_taken(self) -> None:
        with self.with_secret(self.secret) as example:
            self.assert_delivered(example)

    def test_a_rotation_with_overlap(self) -> None:
        newer = rotate_secret(self.endpoint, overlap_hours=24, actor="key_test")
        for secret in (self.secret, newer):
            with self.with_secret(secret) as example:
                self.assert_delivered(example)

    def test_a_rotation_at_once_is_made_up_for_by_the_next_try(self: Any) -> None:
        newer = rotate_secret(self.endpoint, overlap_hours=0, actor="key_test")
        event_id = publish(self.merchant)
        with self.with_secret(self.secret) as example:
            drain()
            self.assertEqual((example.kept(), self.last_word()), ({}, ("open", REFUSED)))
        Delivery.objects.update(next_attempt_at=now())
        with self.with_secret(newer) as example:
            self.assertEqual(drain(), Counts(delivered=1))
            self.assertEqual(list(example.kept()), [to_public("evt", event_id)])


class PythonLibrary(Verifying, unittest.TestCase):
    name = "python_library.py"


class PythonPlain(Verifying, unittest.TestCase):
    name = "python_plain.py"


class NodeLibrary(Verifying, unittest.TestCase):
    name = "node_library.mjs"


class NodePlain(Verifying, unittest.TestCase):
    name = "node_plain.mjs"


class PhpPlain(Verifying, unittest.TestCase):
    name = "plain.php"
    starts_without_a_secret = True


class DeliveringToPythonLibrary(Delivering, TransactionTestCase):
    name = "python_library.py"


class DeliveringToPythonPlain(Delivering, TransactionTestCase):
    name = "python_plain.py"


class DeliveringToNodeLibrary(Delivering, TransactionTestCase):
    name = "node_library.mjs"


class DeliveringToNodePlain(Delivering, TransactionTestCase):
    name = "node_plain.mjs"


class DeliveringToPhpPlain(Delivering, TransactionTestCase):
    name = "plain.php"


class ThePage(unittest.TestCase):
    files: ClassVar = {path.name: path.read_text() for path in FOLDER.iterdir() if path.is_file()}

    def test_it_shows_every_example_as_it_is_run(self) -> None:
        shown = SHOWN.findall(PAGE.read_text())
        self.assertEqual(dict(shown), self.files)
        self.assertEqual(len(shown), len(self.files))

    def test_every_example_is_tested(self) -> None:
        for kind in (Verifying, Delivering):
            self.assertEqual({case.name for case in kind.__subclasses__()}, set(self.files))
