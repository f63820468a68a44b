"""Keys are rotated, resealed and retired by the command while people read and write over the API: nobody notices."""

import base64
import threading
from collections.abc import Callable
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

from audit.models import DataKey
from audit.sealed_columns import SEALED_COLUMNS
from audit.services.keys import missing_keys, uses_of
from merchants.models import KycDocument, ProviderAccount
from merchants.tests.accounts import make_account
from merchants.tests.base import CommittingTestCase
from merchants.tests.factories import make_merchant
from merchants.tests.kyc import KycCalls, make_document
from onpoint_pay.kit import data_keys
from onpoint_pay.kit.crypto import CannotOpen, unseal

OLD, NEW = (f"{name}:{base64.b64encode(letter * 32).decode()}" for name, letter in (("k1", b"a"), ("k2", b"b")))
MANY = {name: "99999/1m" for name in settings.RATE_LIMITS}
READERS, WRITERS = 3, 2
# Resealings, and calls of each kind that must have met them.
ROUNDS, ENOUGH = 4, 12


@override_settings(RATE_LIMITS=MANY)
class OverTheApi(KycCalls, CommittingTestCase):
    def setUp(self) -> None:
        self.use([OLD])
        super().setUp()
        self.account = make_account(self.merchant)
        self.documents = [make_document(self.merchant, each) for each in ("kra_pin", "cr12", "permit")]
        self.over = threading.Event()
        self.failures: list[str] = []
        self.done = {"read": 0, "written": 0}

    def use(self, ring: list[str]) -> None:
        self.enterContext(override_settings(ENCRYPTION_KEYS=ring))
        data_keys.forget()

    def test_nobody_notices(self) -> None:
        works = [self.reader] * READERS + [self.writer] * WRITERS
        threads = [threading.Thread(target=self.repeat, args=(work, n)) for n, work in enumerate(works)]
        for thread in threads:
            thread.start()
        try:
            self.change_keys()
        finally:
            self.over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(self.failures, [])
        self.assertGreaterEqual(min(self.done.values()), ENOUGH)
        self.assert_under_the_new_key()

    def repeat(self, work: Callable[[Client, int, int], None], number: int) -> None:
        client, turn = Client(), 0
        try:
            while not self.over.is_set():
                turn += 1
                work(client, number, turn)
        except Exception as error:  # noqa: BLE001 - a thread that dies is a failure
            self.failures.append(repr(error))
        finally:
            connection.close()

    def reader(self, client: Client, number: int, turn: int) -> None:
        """A sealed file under a sealed key of its own."""
        document = self.documents[turn % len(self.documents)]
        answer: Any = client.get(f"/api/v1/kyc/documents/{document.public_id}/file/", headers=self.headers)
        if answer.status_code != 200 or not answer.getvalue().startswith(b"%PDF"):
            self.failures.append(f"{answer.status_code} {answer.content[:300]!r}")
        self.done["read"] += 1

    def writer(self, client: Client, number: int, turn: int) -> None:
        """New credentials by one, read back and written anew by the product: a lost update is one, too."""
        path = f"/api/v1/provider-accounts/{self.account.public_id}/"
        sent = {"passkey" if number % 2 else "consumer_secret": f"secret-of-the-shop-{number}-{turn}"}
        answer: Any = client.patch(path, sent, "application/json", headers=self.headers)
        if answer.status_code != 200:
            self.failures.append(f"{answer.status_code} {answer.content[:300]!r}")
        kept = ProviderAccount.objects.get(id=self.account.id).open_secrets()
        if any(kept[name] != text for name, text in sent.items()):
            self.failures.append(f"lost: {sent}")
        self.done["written"] += 1

    def change_keys(self) -> None:
        self.use([NEW, OLD])
        self.keys("rotate")
        turn = 0
        while turn < ROUNDS or (not self.failures and min(self.done.values()) < ENOUGH):
            self.keys("reseal", *(["--new-data-keys"] if turn % 2 == 0 else []))
            turn += 1
        self.keys("retire", "k1")
        # As after a restart without the old key, still under load.
        self.use([NEW])
        self.keys("reseal")

    def keys(self, *words: str) -> None:
        told = StringIO()
        call_command("keys", *words, stdout=told, stderr=told)

    def assert_under_the_new_key(self) -> None:
        self.assertEqual((missing_keys(), uses_of("k1")), ([], {}))
        self.assertEqual(set(DataKey.objects.filter(is_current=True).values_list("ring_key", flat=True)), {"k2"})
        data_keys.forget()
        opened = 0
        for column in SEALED_COLUMNS:
            for text, place, owner in self.sealed(column):
                self.assertFalse(text.startswith("v1.k1."), column.name)
                unseal(text, bound_to=place, merchant_id=owner)
                opened += 1
        self.assertGreaterEqual(opened, 4)

    def sealed(self, column: Any) -> list[Any]:
        if column.bound_to is None:
            return []
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {column.text}, {column.bound_to}, {column.merchant} FROM {column.table} t"
                f" WHERE {column.text} LIKE 'v%.%'"
            )
            return list(cursor.fetchall())


class Moved(KycCalls, CommittingTestCase):
    """A sealed text opens where it was sealed and nowhere else."""

    def setUp(self) -> None:
        super().setUp()
        self.other = make_merchant("Mama Mboga")
        self.first = make_account(self.merchant)
        self.second = make_account(self.merchant, shortcode="600999", is_default=False)
        self.theirs = make_account(self.other, shortcode="600998")

    def assert_shut(self, row: ProviderAccount, **moved: str) -> None:
        kept = {name: getattr(row, name) for name in moved}
        ProviderAccount.objects.filter(id=row.id).update(**moved)
        found = ProviderAccount.objects.get(id=row.id)
        with self.assertRaises(CannotOpen):
            found.open_secrets() if "secrets" in moved else found.open_hook_token()
        ProviderAccount.objects.filter(id=row.id).update(**kept)

    def test_to_another_row(self) -> None:
        self.assert_shut(self.second, secrets=self.first.secrets)
        self.assert_shut(self.second, hook_token=self.first.hook_token)

    def test_to_another_column(self) -> None:
        self.assert_shut(self.first, secrets=self.first.hook_token)
        self.assert_shut(self.first, hook_token=self.first.secrets)

    def test_to_another_merchant(self) -> None:
        self.assert_shut(self.theirs, secrets=self.first.secrets)
        place = f"merchants_provider_account.secrets.{self.first.id}"
        self.assertTrue(unseal(self.first.secrets, bound_to=place, merchant_id=self.merchant.id))
        for owner in (self.other.id, None):
            with self.assertRaises(CannotOpen):
                unseal(self.first.secrets, bound_to=place, merchant_id=owner)

    def test_a_file_and_its_key(self) -> None:
        one, two = make_document(self.merchant, "kra_pin"), make_document(self.merchant, "cr12")
        KycDocument.objects.filter(id=two.id).update(data_key=one.data_key)
        answer = self.get(f"kyc/documents/{two.public_id}/file/", self.headers)
        self.assert_problem(answer, 500, "internal_error")
