"""Keys are changed while everybody reads and writes: nothing fails to open, and no key goes that something needs."""

import ast
import base64
import threading
from io import StringIO
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import TransactionTestCase, override_settings

from audit.models import AuditEvent, DataKey
from audit.sealed_columns import SEALED_COLUMNS
from audit.services.keys import KeyInUse, destroy_data_keys, missing_keys, reseal, retire, rotate, uses_of
from merchants.models import Merchant, ProviderAccount
from merchants.tests.accounts import SECRETS, make_account
from merchants.tests.factories import make_merchant, make_two_factor, make_user
from onpoint_pay.kit import data_keys
from onpoint_pay.kit.crypto import CannotOpen, unseal
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.keyring import close, keyring
from webhooks.models import Secret
from webhooks.services.secrets import keep_secret, open_secret

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("onpoint_pay", "audit", "webhooks", "merchants", "settlements", "payments")


def key(letter: str, *, name: str) -> str:
    return f"{name}:{base64.b64encode(letter.encode() * 32).decode()}"


OLD, NEW = key("a", name="k1"), key("b", name="k2")


def execute(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall()) if cursor.description else []


class KeysTestCase(TransactionTestCase):
    def setUp(self) -> None:
        self.use([OLD])
        self.merchant, self.other = make_merchant(), make_merchant("Mama Mboga")
        self.account = make_account(self.merchant)
        self.secret = keep_secret(merchant_id=self.merchant.id, mode="test", endpoint_id=None)

    def use(self, ring: list[str]) -> None:
        """As after a restart with another ENCRYPTION_KEYS."""
        self.enterContext(override_settings(ENCRYPTION_KEYS=ring))
        data_keys.forget()

    def assert_opens(self) -> None:
        data_keys.forget()
        self.assertEqual(open_secret(Secret.objects.get()), self.secret)
        account = ProviderAccount.objects.get(id=self.account.id)
        self.assertEqual(account.open_secrets()["consumer_secret"], SECRETS["consumer_secret"])

    def as_first_version(self) -> None:
        """The rows as an earlier version of the product has sealed them."""
        row = Secret.objects.get()
        place = f"webhooks_secret.ciphertext.{row.pk}"
        text = f"v1.k1.{close(keyring()['k1'], self.secret.encode(), bound_to=place)}"
        Secret.objects.update(ciphertext=text)

    def run_command(self, *arguments: str) -> tuple[int, str]:
        told = StringIO()
        try:
            call_command("keys", *arguments, stdout=told, stderr=StringIO())
        except CommandError as error:
            return error.returncode, told.getvalue() + str(error)
        return 0, told.getvalue()


class Changing(KeysTestCase):
    def test_from_one_key_to_the_next_and_the_old_one_goes(self) -> None:
        self.as_first_version()
        self.use([NEW, OLD])
        self.assert_opens()
        with self.assertRaises(KeyInUse) as caught:
            retire("k1", actor="tests")
        self.assertEqual(set(caught.exception.places), {"data_key", "webhooks_secret.ciphertext"})
        self.assertEqual(rotate(actor="tests"), DataKey.objects.count())
        self.assertEqual(set(DataKey.objects.values_list("ring_key", flat=True)), {"k2"})
        self.assertEqual(uses_of("k1"), {"webhooks_secret.ciphertext": 1})
        self.assertEqual(reseal(actor="tests").done["webhooks_secret.ciphertext"], 1)
        retire("k1", actor="tests")
        self.use([NEW])
        self.assert_opens()
        self.assertEqual(missing_keys(), [])
        actions = list(
            AuditEvent.objects.filter(action__startswith="keys.").order_by("seq").values_list("action", flat=True)
        )
        self.assertEqual(actions, ["keys.rotated", "keys.resealed", "keys.retired"])

    def test_rotation_touches_no_row(self) -> None:
        before = execute(
            "SELECT ciphertext FROM webhooks_secret UNION ALL SELECT secrets FROM merchants_provider_account"
        )
        self.use([NEW, OLD])
        rotate(actor="tests")
        after = execute(
            "SELECT ciphertext FROM webhooks_secret UNION ALL SELECT secrets FROM merchants_provider_account"
        )
        self.assertEqual(before, after)
        self.assertEqual(rotate(actor="tests"), 0)

    def test_new_data_keys(self) -> None:
        before = set(DataKey.objects.values_list("id", flat=True))
        reseal(actor="tests", new_data_keys=True)
        current = set(DataKey.objects.filter(is_current=True).values_list("id", flat=True))
        self.assertFalse(before & current)
        self.assertEqual(DataKey.objects.count(), 2 * len(before))
        self.assertIn(
            f"v2.{DataKey.objects.get(merchant_id=self.merchant.id, is_current=True).pk}.",
            Secret.objects.get().ciphertext,
        )
        self.assert_opens()

    def test_what_is_done_is_not_done_again(self) -> None:
        make_two_factor(make_user())
        self.assertEqual(sum(reseal(actor="tests").done.values()), 0)
        self.as_first_version()
        self.assertEqual(reseal(actor="tests").done, {"webhooks_secret.ciphertext": 1})
        self.assertEqual(sum(reseal(actor="tests").done.values()), 0)

    def test_files_that_are_frozen_are_sealed_anew_and_nothing_else_of_them_changes(self) -> None:
        key, digest = new_id(), "0" * 64
        for place, sql in (
            (
                f"bank_file.sealed:{key}",
                f"INSERT INTO bank_file (id, route, account, mode, day, number, lines, amount, currency, sha256, sealed,"
                f" exported_by, exported_at) VALUES ('{key}', 'bank', 'main', 'test', '2026-11-21', 1, 1, 1, 'KES',"
                f" '{digest}', %s, 'tests', now())",
            ),
            (
                f"bank_result.sealed:test:{digest}",
                f"INSERT INTO bank_result (mode, sha256, sealed, imported_by, imported_at)"
                f" VALUES ('test', '{digest}', %s, 'tests', now())",
            ),
        ):
            execute(sql, f"v1.k1.{close(keyring()['k1'], b'a,file', bound_to=place)}")
        self.assertEqual(reseal(actor="tests").done, {"bank_file.sealed": 1, "bank_result.sealed": 1})
        ((text,),) = execute("SELECT sealed FROM bank_file")
        self.assertEqual(unseal(text, bound_to=f"bank_file.sealed:{key}"), "a,file")
        for table in ("bank_file", "bank_result"):
            for change in ("sha256 = repeat('1', 64)", "sealed = 'v1.k1.AAAA'", "sealed = 'clear'"):
                with self.subTest(table=table, change=change), self.assertRaisesMessage(Exception, "append-only"):
                    execute(f"UPDATE {table} SET {change}")
            with self.subTest(table=table), self.assertRaisesMessage(Exception, "append-only"):
                execute(f"DELETE FROM {table}")

    def test_a_text_that_does_not_open_is_told_and_left(self) -> None:
        text = "v1.k1." + base64.b64encode(b"x" * 40).decode()
        Secret.objects.update(ciphertext=text)
        self.assertEqual(reseal(actor="tests").broken, {"webhooks_secret.ciphertext": 1})
        self.assertEqual(Secret.objects.get().ciphertext, text)
        self.assertEqual(self.run_command("reseal")[0], 1)

    def test_the_newest_key_cannot_be_retired(self) -> None:
        with self.assertRaises(KeyInUse):
            retire("k1", actor="tests")
        self.assertEqual(self.run_command("retire", "k1")[0], 1)

    def test_a_key_taken_out_too_early_is_missed(self) -> None:
        self.use([NEW])
        self.assertEqual(missing_keys(), ["k1"])
        code, told = self.run_command("status")
        self.assertEqual(code, 1)
        self.assertIn("k1  MISSING", told)
        with self.assertRaises(CannotOpen):
            open_secret(Secret.objects.get())
        self.assertEqual(self.run_command("rotate")[0], 2)
        self.use([NEW, OLD])
        self.assert_opens()

    def test_the_command(self) -> None:
        self.use([NEW, OLD])
        self.assertIn("k1  opens  needed by data_key", self.run_command("status")[1])
        self.assertEqual(
            [self.run_command(*words)[0] for words in (("rotate",), ("reseal",), ("retire", "k1"), ("status",))],
            [0] * 4,
        )

    def test_a_destroyed_key_takes_everything_with_it(self) -> None:
        keep_secret(merchant_id=self.other.id, mode="test", endpoint_id=None)
        self.assertEqual(destroy_data_keys(self.merchant.id, actor="tests"), 1)
        with self.assertRaises(CannotOpen):
            open_secret(Secret.objects.get(merchant_id=self.merchant.id))
        self.assertTrue(open_secret(Secret.objects.get(merchant_id=self.other.id)))
        self.assertEqual(missing_keys(), [])

    def test_a_data_key_is_never_deleted(self) -> None:
        with self.assertRaisesMessage(Exception, "append-only"):
            execute("DELETE FROM data_key")


class UnderLoad(KeysTestCase):
    """F32: rotation and resealing while everybody works; no read fails, no write is lost."""

    def setUp(self) -> None:
        super().setUp()
        shops = [make_merchant(f"Duka {number}") for number in range(6)]
        self.accounts = [make_account(shop, shortcode=f"70000{number}").id for number, shop in enumerate(shops)]
        self.over = threading.Event()
        self.failures: list[str] = []
        self.reads = self.writes = 0

    def read(self) -> None:
        while not self.over.is_set():
            for row in ProviderAccount.objects.filter(id__in=self.accounts):
                try:
                    row.open_secrets()
                    row.open_hook_token()
                except CannotOpen as error:
                    self.failures.append(str(error))
                self.reads += 1
        connection.close()

    def write(self, number: int) -> None:
        turn = 0
        while not self.over.is_set():
            turn += 1
            row = ProviderAccount.objects.get(id=self.accounts[number])
            row.put_secrets(SECRETS | {"passkey": f"turn {turn}"})
            row.save(update_fields=["secrets"])
            data_keys.forget()
            kept = ProviderAccount.objects.get(id=row.id).open_secrets()["passkey"]
            if kept != f"turn {turn}":
                self.failures.append(f"lost: {kept} in place of turn {turn}")
            self.writes += 1
        connection.close()

    def change_keys(self) -> None:
        with override_settings(ENCRYPTION_KEYS=[NEW, OLD]):
            rotate(actor="tests")
            for turn in range(6):
                reseal(actor="tests", new_data_keys=turn % 2 == 0)
            retire("k1", actor="tests")
        with override_settings(ENCRYPTION_KEYS=[NEW]):
            data_keys.forget()
            reseal(actor="tests")
            self.stop()

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def test_F32_nobody_notices(self) -> None:
        self.threads = [threading.Thread(target=self.read) for _ in range(2)]
        self.threads += [threading.Thread(target=self.write, args=(number,)) for number in range(2)]
        for thread in self.threads:
            thread.start()
        try:
            self.change_keys()
        finally:
            self.stop()
        self.assertEqual(self.failures, [])
        self.assertGreater(min(self.reads, self.writes), 5)


class TheList(TransactionTestCase):
    """What is sealed stands in SEALED_COLUMNS, or rotation and retiring would miss it."""

    def test_every_column_is_a_models(self) -> None:
        known = {
            (model._meta.db_table, field.column) for model in apps.get_models() for field in model._meta.concrete_fields
        }
        for column in SEALED_COLUMNS:
            self.assertIn((column.table, column.column), known)
            self.assertTrue(column.bound_to or column.lives, column.name)
        self.assertEqual(len({column.name for column in SEALED_COLUMNS}), len(SEALED_COLUMNS))

    def test_every_place_in_the_code_is_on_it(self) -> None:
        """Each text that names a place to `seal` begins with the name of a column of the list."""
        found = {name for path in self.sources() for name in places_in(ast.parse(path.read_text()))}
        listed = {column.name for column in SEALED_COLUMNS} - set(ALIASES.values())
        self.assertEqual(found, listed | {"data_key.wrapped"} | ALIASES.keys())

    def test_whoever_seals_names_a_place(self) -> None:
        for path in self.sources():
            text = path.read_text()
            if path.name in SEAL_FOR_OTHERS:
                continue
            if " seal(" in text or "=seal(" in text:
                self.assertTrue(list(places_in(ast.parse(text))), path)

    def sources(self) -> list[Path]:
        found = [
            path
            for room in ROOMS
            for path in (ROOT / room).rglob("*.py")
            if not {"tests", "migrations"} & set(path.parts)
        ]
        return [path for path in found if path.name not in ("sealed_columns.py", "crypto.py", "keys.py")]

    def test_each_row_is_bound_as_the_list_says(self) -> None:
        merchant = make_merchant()
        make_account(merchant)
        keep_secret(merchant_id=merchant.id, mode="test", endpoint_id=None)
        make_two_factor(make_user())
        seen = 0
        for column in SEALED_COLUMNS:
            if column.bound_to is not None:
                sql = f"SELECT {column.column}, {column.bound_to}, {column.merchant} FROM {column.table} t WHERE {column.column} LIKE 'v2.%%'"
                for sealed, place, owner in execute(sql):
                    unseal(sealed, bound_to=place, merchant_id=owner)
                    seen += 1
        self.assertGreaterEqual(seen, 4)


# Whoever calls these names the place.
SEAL_FOR_OTHERS = {"recon_bytes.py"}
# What a place was called before the list was made.
ALIASES = {"payouts.destination": "payouts.destination_sealed"}


def places_in(tree: ast.Module) -> Any:
    """`table.column` at the start of every text that looks like a place."""
    tables = {column.table for column in SEALED_COLUMNS} | {"data_key"}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
            table, dot, rest = str(node.values[0].value).partition(".")
            if table in tables and dot:
                columns = [column.column for column in SEALED_COLUMNS if column.table == table]
                # `table.` and a variable: any of its columns.
                named = [name for name in columns if not rest or rest.startswith(name)]
                yield from (f"{table}.{name}" for name in named or [rest.rstrip(":.")])


class Merchants(KeysTestCase):
    def test_moved_to_another_merchants_row_it_does_not_open(self) -> None:
        mine = Merchant.objects.get(id=self.merchant.id)
        theirs = make_account(self.other, shortcode="600999")
        ProviderAccount.objects.filter(id=theirs.id).update(
            secrets=ProviderAccount.objects.get(id=self.account.id).secrets
        )
        with self.assertRaises(CannotOpen):
            ProviderAccount.objects.get(id=theirs.id).open_secrets()
        Secret.objects.update(merchant_id=self.other.id)
        with self.assertRaises(CannotOpen):
            open_secret(Secret.objects.get())
        self.assertTrue(mine)
