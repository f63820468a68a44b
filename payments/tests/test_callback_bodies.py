"""Bodies nobody should send: stored or turned away, never a crash, and the worker goes on with the next one."""

from payments.models import ProviderEvent
from payments.tests.base import NO_SUCH_TOKEN, PaymentTestCase
from payments.tests.claims import result_body, success_body
from payments.tests.factories import next_receipt, op_of

LIMIT = 64 * 1024
DOCUMENTED = "/api/v1/payments/mpesa/callback/"
CHECKOUT = "ws_CO_211120260930001712345678"


def with_checkout(text: str) -> bytes:
    return text.replace("@", f'"CheckoutRequestID": "{CHECKOUT}"').encode()


MALFORMED = {
    "nothing": b"",
    "blank": b"   ",
    "no JSON": b"<?xml version='1.0'?><a/>",
    "a list": b"[]",
    "a number": b"0",
    "an empty object": b"{}",
    "nested lists": b"[" * 10_000 + b"]" * 10_000,
    "nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "nested inside the result": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":0,"x":')
    + b"[" * 5000
    + b"]" * 5000
    + b"}}}",
    "never closed": b'{"Body":' * 7_000,
    "NUL": b'{"Body": "\x00"}',
    "escaped NUL": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":0,"ResultDesc":"\\u0000"}}}'),
    "half a surrogate pair": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":0,"ResultDesc":"\\ud800"}}}'),
    "bad UTF-8": b'{"Body": "\xff\xfe\xfa"}',
    "UTF-16": '{"Body": {}}'.encode("utf-16"),
    "duplicate keys": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":1032,"ResultCode":0}}}'),
    "duplicate envelopes": with_checkout('{"Body":{},"Body":{"stkCallback":{@,"ResultCode":0}}}'),
    "a huge integer": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":' + "9" * 10_000 + "}}}"),
    "a huge exponent": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":0,"x":1e999999999}}}'),
    "NaN": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":NaN}}}'),
    "Infinity": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":-Infinity}}}'),
    "an empty reference": b'{"Body":{"stkCallback":{"CheckoutRequestID":"","ResultCode":0}}}',
    "a reference of another type": b'{"Body":{"stkCallback":{"CheckoutRequestID":{"a":1},"ResultCode":0}}}',
    "a long reference": b'{"Body":{"stkCallback":{"CheckoutRequestID":"' + b"x" * 5000 + b'","ResultCode":0}}}',
    "no code": with_checkout('{"Body":{"stkCallback":{@}}}'),
    "a code of another type": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":[0]}}}'),
    "a true code": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":true}}}'),
    "items of another type": with_checkout('{"Body":{"stkCallback":{@,"ResultCode":0,"CallbackMetadata":{"Item":7}}}}'),
    "random bytes": bytes(range(256)) * 100,
}


class Malformed(PaymentTestCase):
    def test_all_are_stored_and_none_is_believed(self) -> None:
        payment = self.start()
        door = self.door_of(payment)
        for address, status in ((door, 200), (DOCUMENTED, 200), (f"/api/v1/hooks/{NO_SUCH_TOKEN}/collect/", 404)):
            for name, body in MALFORMED.items():
                with self.subTest(name=name, status=status):
                    known = set(ProviderEvent.objects.values_list("id", flat=True))
                    self.assertEqual(self.bring(body, address).status_code, status)
                    kept = ProviderEvent.objects.exclude(id__in=known).first()
                    if kept is not None:  # strangers share their door: the same body twice is a repeat
                        self.assertEqual(bytes(kept.body), body)
        self.apply()
        self.assertFalse(ProviderEvent.objects.filter(status="applied").exists())
        self.assertFalse(ProviderEvent.objects.filter(status="new").exists(), "each was decided about")
        self.assert_state(payment, "pending")
        self.assert_no_money(payment)
        self.tell(payment, success_body(op_of(payment).provider_ref or ""))
        self.assert_state(payment, "completed")

    def test_the_longest_body_and_one_byte_more(self) -> None:
        payment = self.start()
        door = self.door_of(payment)
        body = success_body(op_of(payment).provider_ref or "")
        self.assert_problem(self.bring(body.ljust(LIMIT + 1), door), 413, "body_too_large")
        self.assertFalse(ProviderEvent.objects.exists())
        self.assertEqual(self.bring(body.ljust(LIMIT), door).status_code, 200)
        self.apply()
        self.assert_state(payment, "completed")

    def test_a_body_longer_than_any_request_may_be(self) -> None:
        door = self.door_of(self.start())
        self.assert_problem(self.bring(b"x" * 300_000, door), 413, "body_too_large")

    def test_other_content_types_and_headers(self) -> None:
        for number, content_type in enumerate(
            ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "")
        ):
            with self.subTest(content_type=content_type):
                payment = self.start()
                body = success_body(op_of(payment).provider_ref or "", receipt=next_receipt())
                headers = {"User-Agent": "é" * 500, "X-Forwarded-For": f"{number}, nonsense, \x7f"}
                answer = self.client.post(self.door_of(payment), body, content_type, headers=headers)
                self.assertEqual(answer.status_code, 200)
                self.apply()
                self.assert_state(payment, "completed")
        kept = ProviderEvent.objects.latest("id").headers
        self.assertEqual(len(kept["User-Agent"]), 200)

    def test_words_of_the_provider_are_kept_fit_to_be_shown(self) -> None:
        payment = self.start()
        words = "line one\r\nline two \x1b[31m 254712345678 " + "x" * 5000
        self.tell(payment, result_body(op_of(payment).provider_ref or "", 1, words))
        message = self.again(payment).failure["provider_message"]
        self.assertTrue(message.isprintable())
        self.assertLessEqual(len(message), 300)
        self.assertNotIn("254712345678", message)

    def test_one_claim_that_cannot_be_applied_does_not_hold_up_the_rest(self) -> None:
        first, second = self.start(), self.start()
        self.bring(success_body(op_of(first).provider_ref or "", receipt="UKLFIRST01"), self.door_of(first))
        self.bring(success_body(op_of(second).provider_ref or "", receipt="UKLSECOND1"), self.door_of(second))
        # A provider that nobody here knows: its words cannot be read.
        ProviderEvent.objects.filter(op=op_of(first)).update(provider="gone")
        self.assertEqual(self.apply(), 2)
        self.assert_state(first, "pending")
        self.assert_state(second, "completed")
        self.assertEqual(ProviderEvent.objects.get(op=op_of(first)).status, "new")
