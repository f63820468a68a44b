"""Input that generated requests found: each was answered as if nothing were wrong with it, or with a crash."""

import json
from typing import Any

from payments.tests.base import INITIATE, PaymentTestCase


class FoundByFuzzing(PaymentTestCase):
    def test_metadata_that_looks_like_a_number(self) -> None:
        for text in ("--5", "-", "5-", "٥", "²", "1_0", "9" * 30):
            with self.subTest(text=text):
                answer = self.get(f"payments/?metadata[table]={text}", self.headers)
                self.assertEqual((answer.status_code, answer.json()["data"]), (200, []))

    def test_metadata_of_either_type_is_found(self) -> None:
        self.start(metadata={"table": -7})
        self.start(metadata={"table": "-7"})
        self.assertEqual(len(self.get("payments/?metadata[table]=-7", self.headers).json()["data"]), 2)

    def test_numbers_too_large_to_be_told_again(self) -> None:
        for text in ("1e308", "-1e25", "9223372036854775808", "1e19", "9.3e18"):
            with self.subTest(text=text):
                body = json.dumps(self.body(metadata={"n": 0})).replace('"n": 0', f'"n": {text}')
                answer = self.client.post(f"/api/v1/{INITIATE}", body, "application/json", headers=self.headers)
                self.assert_problem(answer, 400, "metadata_invalid")

    def test_the_largest_numbers_do_not_keep_a_payment_from_its_end(self) -> None:
        metadata = {"n": 9e18, "m": 1 - 2**63, "f": 1e-300}
        payment = self.start(metadata=metadata)
        self.pay(payment)
        self.assert_state(payment, "completed", metadata=metadata)
        self.assert_one_capture(payment)
        self.assertEqual(self.get("payments/", self.headers).json()["data"][0]["metadata"], metadata)

    def test_only_the_total_can_be_included(self) -> None:
        found = self.assert_problem(self.get("payments/?include=refunds", self.headers), 400, "parameter_invalid")
        self.assertEqual(found["param"], "include")
        self.assertEqual(self.get("payments/?include=total", self.headers).json()["total"], 0)

    def test_a_flag_is_true_or_false(self) -> None:
        cases: list[Any] = [0, 1, "false", "yes", None, []]
        for refresh in cases:
            with self.subTest(refresh=refresh):
                answer = self.post("payments/status/", {"reference": "ORDER-1", "refresh": refresh}, self.headers)
                self.assertEqual((answer.status_code, answer.json()["param"]), (400, "refresh"))

    def test_words_of_another_type(self) -> None:
        cases: list[Any] = [[], {}, ["KES"], 5, True]
        for name in ("currency", "provider", "language", "payment_method"):
            for value in cases:
                with self.subTest(name=name, value=value):
                    answer = self.post(INITIATE, self.body(**{name: value}), self.headers)
                    self.assertEqual((answer.status_code, answer.json()["param"]), (400, name))

    def test_a_limit_given_twice(self) -> None:
        """Neither of the two is the one that was meant."""
        answer = self.get("payments/?limit=1&limit=100", self.headers)
        self.assertEqual(self.assert_problem(answer, 400, "parameter_invalid")["param"], "limit")
