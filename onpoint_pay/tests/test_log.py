"""Log lines: one JSON object each, without phone numbers and secrets, whoever wrote them."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.test import SimpleTestCase

PHONE, KEY, TOKEN = "254712345678", "sk_test_0123456789abcdefghij", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@contextmanager
def written() -> Iterator[list[dict[str, Any]]]:
    """The lines the configured handler writes inside the block."""
    (handler,) = [each for each in logging.getLogger().handlers if _is_ours(each)]
    stream, lines = io.StringIO(), []  # type: ignore[var-annotated]
    outer = handler.setStream(stream)  # type: ignore[attr-defined]
    try:
        yield lines
    finally:
        handler.setStream(outer)  # type: ignore[attr-defined]
        lines += [json.loads(line) for line in stream.getvalue().splitlines()]


def _is_ours(handler: logging.Handler) -> bool:
    return isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter)


class Lines(SimpleTestCase):
    def line(self, write: Any) -> dict[str, Any]:
        with written() as lines:
            write()
        (found,) = lines
        return found

    def test_one_json_object(self) -> None:
        log = structlog.get_logger("tests.room")
        line = self.line(lambda: log.info("thing_done", payment="pay_1", n=3, at_all=None))
        self.assertEqual((line["event"], line["payment"], line["n"], line["at_all"]), ("thing_done", "pay_1", 3, None))
        self.assertEqual((line["level"], line["logger"]), ("info", "tests.room"))
        self.assertRegex(line["at"], r"^\d{4}-\d\d-\d\dT.*Z$")

    def test_lines_of_other_libraries_too(self) -> None:
        line = self.line(lambda: logging.getLogger("library").warning("called %s with %s", PHONE, KEY))
        self.assertEqual((line["level"], line["logger"]), ("warning", "library"))
        self.assertNotIn(PHONE, line["event"])
        self.assertNotIn(KEY, line["event"])
        self.assertIn("2547****5678", line["event"])

    def test_nothing_personal_or_secret(self) -> None:
        log = structlog.get_logger("tests.room")
        body = {"PhoneNumber": int(PHONE), "items": [{"phone": "0712 345 678"}], "password": "hunter2", "ok": True}
        text = f"Authorization: Bearer {TOKEN}, key {KEY}, passkey=abc"
        line = json.dumps(self.line(lambda: log.info("x", body=body, text=text, api_key=KEY, consumer_secret="s3cret")))
        for secret in (PHONE, "0712 345 678", "hunter2", TOKEN, KEY, "s3cret", "passkey=abc"):
            with self.subTest(secret=secret):
                self.assertNotIn(secret, line)
        self.assertIn('"ok": true', line)

    def test_tracebacks(self) -> None:
        def crash() -> None:
            try:
                raise ValueError(f"cannot call {PHONE}")
            except ValueError:
                structlog.get_logger("tests.room").exception("crash")

        line = self.line(crash)
        self.assertIn("ValueError: cannot call 2547****5678", line["exception"])
        self.assertEqual(line["level"], "error")

    def test_the_request_id_is_on_every_line_of_a_request(self) -> None:
        with written() as lines:
            answer = self.client.get("/api/v1/nowhere/")
        self.assertEqual([line["request_id"] for line in lines], [answer["Request-Id"]])

    def test_what_json_cannot_say_is_written_as_text(self) -> None:
        line = self.line(lambda: structlog.get_logger("tests.room").info("x", thing=object(), many={1, 2}))
        self.assertIn("object", line["thing"])
