"""The network door and the database: no call while a transaction is open."""

from django.db import transaction
from django.test import TestCase, TransactionTestCase

from onpoint_pay.kit.http import HttpClient, allow_in_transaction
from onpoint_pay.kit.tests.local_server import LocalServer


class _CallsOut(TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.enterContext(LocalServer())
        self.client_out = HttpClient("test", allow_private=True)

    def call(self) -> int:
        return self.client_out.send("GET", self.server.url, headers={}, body=None).status


class TransactionTests(_CallsOut):
    def test_outside_a_transaction(self) -> None:
        self.assertEqual(self.call(), 200)

    def test_inside_a_transaction_nothing_is_sent(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "transaction"), transaction.atomic():
            self.call()
        self.assertEqual(self.server.received, [])
        self.assertEqual(self.call(), 200)

    def test_the_rule_can_be_lifted_for_a_block(self) -> None:
        with transaction.atomic():
            with allow_in_transaction():
                self.assertEqual(self.call(), 200)
            with self.assertRaises(RuntimeError):
                self.call()


class TestCaseTests(_CallsOut, TestCase):
    """Inside TestCase's own wrapping transaction the rule holds as it does in production."""

    def test_the_wrapping_transaction_does_not_count(self) -> None:
        self.assertEqual(self.call(), 200)

    def test_a_transaction_of_ours_does(self) -> None:
        with self.assertRaises(RuntimeError), transaction.atomic():
            self.call()
