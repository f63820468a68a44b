"""Settings from the environment: aliases, secrets in files, and what keeps a configuration from serving."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.test import SimpleTestCase

ROOT = Path(__file__).resolve().parent.parent.parent
KEYS = f"k1:{base64.b64encode(b'a 32 byte key that is for tests!').decode()}"
STRONG = "a secret key for tests only, long enough to sign with"
GOOD = {
    "SECRET_KEY": STRONG,
    "ENCRYPTION_KEYS": KEYS,
    "ALLOWED_HOSTS": "pay.example.com",
    "BASE_URL": "https://pay.example.com",
}
SHOW = "import json, sys; from onpoint_pay import settings as s; print(json.dumps([eval(x, vars(s)) for x in sys.argv[1:]], default=str))"

PROBLEMS = "__import__('onpoint_pay.boot', fromlist=['boot']).problems_before_start()"


class SettingsTestCase(SimpleTestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_settings(self, environ: dict[str, str], *expressions: str) -> "subprocess.CompletedProcess[str]":
        clean = {"PATH": os.environ["PATH"], "ONPOINT_HOME": str(self.folder)}
        return subprocess.run(
            [sys.executable, "-c", SHOW, *expressions],
            env=clean | {"DJANGO_SETTINGS_MODULE": "onpoint_pay.settings"} | environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def read(self, environ: dict[str, str], *expressions: str) -> list[Any]:
        finished = self.run_settings(environ, *expressions)
        self.assertEqual(finished.returncode, 0, finished.stderr[-500:])
        return list(json.loads(finished.stdout))

    def problems(self, **changes: str) -> list[str]:
        """The first word of each problem."""
        environ = {name: value for name, value in (GOOD | changes).items() if value}
        (found,) = self.read(environ, PROBLEMS)
        return [line.split()[0] for line in found]


class Names(SettingsTestCase):
    def test_aliases_of_the_earlier_guides(self) -> None:
        aliases = {
            "MPESA_BUSINESS_SHORT_CODE": "MPESA_SHORTCODE",
            "MPESA_PASS_KEY": "MPESA_PASSKEY",
            "MPESA_ENV": "MPESA_ENVIRONMENT",
            "DJANGO_SECRET_KEY": "SECRET_KEY",
        }
        environ = {name: f"value of {name}" for name in aliases}
        self.assertEqual(self.read(environ, *aliases.values()), list(environ.values()))

    def test_the_first_name_wins_and_an_empty_one_counts_as_unset(self) -> None:
        environ = {
            "MPESA_SHORTCODE": "600000",
            "MPESA_BUSINESS_SHORT_CODE": "700000",
            "MPESA_PASSKEY": "",
            "MPESA_PASS_KEY": "p",
        }
        self.assertEqual(self.read(environ, "MPESA_SHORTCODE", "MPESA_PASSKEY"), ["600000", "p"])

    def test_secrets_in_files(self) -> None:
        note = self.folder / "secret"
        note.write_text(f"{STRONG}\n")
        environ = {"SECRET_KEY_FILE": str(note), "MPESA_PASS_KEY_FILE": str(note)}
        self.assertEqual(self.read(environ, "SECRET_KEY", "MPESA_PASSKEY", "SECRET_KEY_IS_SET"), [STRONG, STRONG, True])

    def test_the_simulator_by_its_old_name(self) -> None:
        self.assertEqual(self.read({"MPESA_DEBUG": "True"}, "MPESA_FORCE_SIMULATOR"), [True])
        self.assertEqual(self.read({}, "MPESA_FORCE_SIMULATOR"), [False])

    def test_certificates_as_text_or_in_a_file(self) -> None:
        pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
        note = self.folder / "operator.pem"
        note.write_text(f"{pem}\n")
        for environ in (
            {"MPESA_CERTIFICATE": pem},
            {"MPESA_CERTIFICATE": pem.replace("\n", "\\n")},
            {"MPESA_CERTIFICATE": str(note)},
            {"MPESA_CERTIFICATE_FILE": str(note)},
        ):
            self.assertEqual(self.read(environ, "MPESA_CERTIFICATE"), [pem])
        self.assertEqual(self.read({}, "MPESA_CERTIFICATE"), [""])

    def test_values_that_cannot_be_read_are_named(self) -> None:
        for name, value in (
            ("PORT", "eighty"),
            ("DEBUG", "perhaps"),
            ("SWEEP_SPEED", "fast"),
            ("MPESA_C2B_VERSION", "v3"),
            ("MPESA_CERTIFICATE", "/no/such/file"),
            ("WEBHOOK_REFUSED_NETWORKS", "203.0.113.0/24,ours"),
        ):
            with self.subTest(name=name):
                finished = self.run_settings({name: value}, "1")
                self.assertEqual(finished.returncode, 1)
                self.assertIn(f"SettingInvalid: {name} must be", finished.stderr)

    def test_lists_and_addresses(self) -> None:
        environ = {"ALLOWED_HOSTS": " a.example , b.example,", "BASE_URL": "https://a.example/", "PORT": "8123"}
        self.assertEqual(
            self.read(environ, "ALLOWED_HOSTS", "BASE_URL"), [["a.example", "b.example"], "https://a.example"]
        )
        self.assertEqual(self.read({"PORT": "8123"}, "BASE_URL"), ["http://127.0.0.1:8123"])


class Databases(SettingsTestCase):
    PARTS = ("NAME", "USER", "PASSWORD", "HOST", "PORT")

    def database(self, **environ: str) -> dict[str, Any]:
        (found,) = self.read(environ, "DATABASES['default']")
        return dict(found)

    def test_by_url(self) -> None:
        found = self.database(DATABASE_URL="postgres://app:p%40ss@db.example:6543/pay?sslmode=require")
        self.assertEqual([found[name] for name in self.PARTS], ["pay", "app", "p@ss", "db.example", "6543"])
        self.assertEqual(found["OPTIONS"]["sslmode"], "require")
        self.assertIn("statement_timeout=5000", found["OPTIONS"]["options"])

    def test_by_parts(self) -> None:
        found = self.database(DB_NAME="pay", DB_USER="app", DB_PASSWORD="secret", DB_HOST="db", DB_PORT="6543")
        self.assertEqual([found[name] for name in self.PARTS], ["pay", "app", "secret", "db", "6543"])

    def test_the_owner_is_another_role(self) -> None:
        urls = {"DATABASE_URL": "postgres://app@db/pay", "DATABASE_OWNER_URL": "postgres://owner@db/pay"}
        self.assertEqual(self.database(**urls)["USER"], "app")
        self.assertEqual(self.database(**urls, ONPOINT_DATABASE_ROLE="owner")["USER"], "owner")

    def test_other_databases_are_refused(self) -> None:
        finished = self.run_settings({"DATABASE_URL": "sqlite:///pay.db"}, "1")
        self.assertIn("PostgreSQL 18 only", finished.stderr)

    def test_the_servers_of_a_running_local_stack_are_found(self) -> None:
        (self.folder / "local.env").write_text("DATABASE_URL=postgres://local@127.0.0.1:5999/onpoint\n")
        self.assertEqual(self.database()["PORT"], "5999")
        self.assertEqual(self.database(DB_NAME="pay", DB_PORT="6543")["PORT"], "6543")


class Cookies(SettingsTestCase):
    NAMES = [
        f"{kind}_COOKIE_{part}"
        for kind in ("SESSION", "CSRF")
        for part in ("NAME", "SECURE", "HTTPONLY", "SAMESITE", "PATH")
    ]

    def test_with_https_only_we_ourselves_can_set_them(self) -> None:
        session, csrf = (
            [f"__Secure-onpoint-{kind}", True, True, "Strict", "/operators/"] for kind in ("session", "csrf")
        )
        self.assertEqual(self.read(GOOD, *self.NAMES), session + csrf)

    def test_on_a_developers_own_machine_they_work_without(self) -> None:
        found = self.read({}, *self.NAMES)
        self.assertEqual((found[0], found[1], found[5]), ("onpoint-session", False, "onpoint-csrf"))


class BeforeStart(SettingsTestCase):
    def test_a_good_configuration(self) -> None:
        self.assertEqual(self.problems(), [])

    def test_each_problem_is_named(self) -> None:
        self.assertEqual(self.problems(SECRET_KEY=""), ["SECRET_KEY"])
        self.assertEqual(self.problems(SECRET_KEY="short"), ["SECRET_KEY"])
        self.assertEqual(self.problems(ENCRYPTION_KEYS=""), ["ENCRYPTION_KEYS"])
        self.assertEqual(self.problems(ALLOWED_HOSTS="*"), ["ALLOWED_HOSTS"])
        self.assertEqual(self.problems(BASE_URL="http://pay.example.com"), ["BASE_URL"])
        self.assertEqual(self.problems(WEBHOOK_ALLOW_PRIVATE="yes"), ["WEBHOOK_ALLOW_PRIVATE"])
        self.assertEqual(self.problems(TRUSTED_PROXIES="0.0.0.0/0"), ["TRUSTED_PROXIES"])
        self.assertEqual(self.problems(TRUSTED_PROXIES="10.0.0.0/8,fd00::/8"), [])
        self.assertEqual(self.problems(WEBHOOK_EGRESS_PROXY="proxy.example:3128"), ["WEBHOOK_EGRESS_PROXY"])
        self.assertEqual(self.problems(WEBHOOK_EGRESS_PROXY="http://proxy.example:3128"), [])
        self.assertEqual(self.problems(KYC_REQUIRED="kra_pin,passport"), ["KYC_REQUIRED"])
        self.assertEqual(self.problems(STATIC_ROOT="/srv/static", KYC_ROOT="/srv/static/../static/kyc"), ["KYC_ROOT"])

    def test_all_come_at_once(self) -> None:
        everything = {"SECRET_KEY": "", "ENCRYPTION_KEYS": "", "ALLOWED_HOSTS": "*", "BASE_URL": ""}
        self.assertEqual(self.problems(**everything), ["SECRET_KEY", "ENCRYPTION_KEYS", "ALLOWED_HOSTS", "BASE_URL"])

    def test_on_a_developers_own_machine(self) -> None:
        local = {"ALLOWED_HOSTS": "127.0.0.1,localhost", "BASE_URL": "", "WEBHOOK_ALLOW_PRIVATE": "yes"}
        self.assertEqual(self.problems(**local), [])
        self.assertEqual(self.problems(**local, SECRET_KEY=""), ["SECRET_KEY"])

    def test_a_server_refuses_to_start_and_says_why(self) -> None:
        environ = {"PATH": os.environ["PATH"], "ONPOINT_HOME": str(self.folder), "ALLOWED_HOSTS": "*"}
        finished = subprocess.run(
            [sys.executable, "-c", "import onpoint_pay.wsgi"],
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(finished.returncode, 78, finished.stderr)
        self.assertIn("OnPoint Pay does not start:\n  - SECRET_KEY is missing", finished.stderr)
