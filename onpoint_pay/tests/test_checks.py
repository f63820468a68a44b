"""`manage.py check --deploy` as an operator runs it: silent on a good configuration, and on a bad one it says the mend."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

from django.test import SimpleTestCase
from django_ratelimit.core import _split_rate

from onpoint_pay import env
from onpoint_pay.env import SettingInvalid

ROOT = Path(__file__).resolve().parent.parent.parent
# What the environment of docker-compose.yml demands or names, filled in as an operator would.
RANDOM = "9f2c47d1e8b6035a7c4de1f09b83a65d2e7f10c9b4a85d36f1e02c7b9a6d4835"
GOOD = {
    "SECRET_KEY": RANDOM,
    "API_KEY_PEPPER": RANDOM[::-1],
    "ENCRYPTION_KEYS": f"k1:{base64.b64encode(bytes.fromhex(RANDOM)).decode()}",
    "AUDIT_SIGNING_KEY": base64.b64encode(bytes.fromhex(RANDOM)[::-1]).decode(),
    "BASE_URL": "https://pay.example.com",
    "ALLOWED_HOSTS": "pay.example.com",
    "DATABASE_URL": "postgres://onpoint_app:app-password@postgres:5432/onpoint",
    "REDIS_URL": "redis://:valkey-password@valkey:6379/0",
    "SIMULATOR_URL": "http://web:9000",
    "TRUSTED_PROXIES": "172.16.0.0/12",
    "MPESA_ENVIRONMENT": "production",
    "MPESA_CONSUMER_KEY": "consumer-key-of-the-live-app",
    "MPESA_CONSUMER_SECRET": "consumer-secret-of-the-live-app",
    "MPESA_SHORTCODE": "600123",
    "MPESA_PASSKEY": "passkey-of-the-live-app",
    "EMAIL_HOST": "smtp.example.com",
    "EMAIL_HOST_USER": "pay",
    "EMAIL_HOST_PASSWORD": "mail-password",
}
# Each group is one run; variable: (value, what the message must say to do).
DANGERS: list[dict[str, tuple[str, str]]] = [
    {
        "DEBUG": ("true", "Leave it unset"),
        "SECRET_KEY": ("", "set it to a long random text"),
        "API_KEY_PEPPER": ("a pepper for tests only", "openssl rand -hex 32"),
        "ENCRYPTION_KEYS": ("", "base64 of 32 random bytes"),
        "ALLOWED_HOSTS": ("*", "name the hosts"),
        "BASE_URL": ("http://pay.example.com", "https://"),
        "WEBHOOK_ALLOW_PRIVATE": ("true", "must be off"),
        "TRUSTED_PROXIES": ("0.0.0.0/0", "name the networks"),
        "MPESA_ENVIRONMENT": ("sandbox", "Set it to production"),
        "MPESA_DEBUG": ("true", "leave it unset"),
        "MPESA_BASE_URL": ("http://daraja.example.com", "begin it with https://"),
        "PAYSTACK_SECRET_KEY": ("sk" + "_test_words", "set the live one"),
        "SWEEP_SPEED": ("60", "leave it unset"),
        "LOG_LEVEL": ("debug", "Set it to INFO"),
        "EMAIL_BACKEND": ("console", "set it to smtp"),
        "EMAIL_USE_TLS": ("false", "set it to true"),
    },
    {
        "SECRET_KEY": ("django-insecure-" + RANDOM, "openssl rand -hex 32"),
        "ENCRYPTION_KEYS": (f"k1:{base64.b64encode(bytes(32)).decode()}", "openssl rand -base64 32"),
        "ALLOWED_HOSTS": ("other.example.com", "Add it"),
        "TRUSTED_PROXIES": ("10.0.0.1,::/0", "name the networks"),
    },
    {
        "SECRET_KEY": ("ab" * 32, "openssl rand -hex 32"),
        "ENCRYPTION_KEYS": ("k1:c2hvcnQ=", "openssl rand -base64 32"),
        "BASE_URL": ("https://localhost", "set it to the address"),
    },
]
DOUBTS = {
    "API_KEY_PEPPER": ("", "set it"),
    "DATABASE_URL": ("postgres://onpoint:owner-password@postgres:5432/onpoint", "DATABASE_OWNER_URL"),
    "REDIS_URL": ("redis://valkey:6379/0", "Set one"),
}
NOT_RATES = ("10", "ten/1m", "10/1w", "0/1m", "-1/1m", "10/0m", "10/ 1m", "10/m\n", "1e3/m", "\u0661/1m")


class CheckTestCase(SimpleTestCase):
    def check(self, **changes: str) -> "subprocess.CompletedProcess[str]":
        """What the command says of GOOD with these changes; an empty value unsets."""
        environ = {"PATH": os.environ["PATH"], "ONPOINT_HOME": "/nonexistent"} | GOOD | changes
        return subprocess.run(
            [sys.executable, "manage.py", "check", "--deploy"],
            env={name: value for name, value in environ.items() if value},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )


class Deploy(CheckTestCase):
    def test_a_good_configuration_has_nothing_to_be_said_of(self) -> None:
        finished = self.check()
        self.assertEqual(finished.returncode, 0, finished.stderr)
        self.assertTrue(finished.stdout.startswith("System check identified no issues"), finished.stdout)
        self.assertEqual(finished.stderr, "")

    def test_the_good_configuration_has_all_that_compose_demands(self) -> None:
        text = (ROOT / "docker-compose.yml").read_text()
        common = text[text.index("x-environment") : text.index("x-after-migrate")]
        demanded = set(re.findall(r"^  ([A-Z_]+):.*\$\{[A-Z_]+:\?", common, re.MULTILINE))
        self.assertLessEqual(demanded, set(GOOD))
        self.assertLessEqual(set(GOOD), set(re.findall(r"^  ([A-Z_]+):", common, re.MULTILINE)))

    def test_what_merchants_bring_need_not_be_the_platforms(self) -> None:
        finished = self.check(MPESA_ENVIRONMENT="", MPESA_CONSUMER_KEY="", TRUSTED_PROXIES="", EMAIL_HOST_PASSWORD="")
        self.assertEqual((finished.returncode, finished.stderr), (0, ""))

    def test_each_danger_fails_and_says_what_to_do(self) -> None:
        for group in DANGERS:
            finished = self.check(**{name: value for name, (value, _) in group.items()})
            self.assertEqual(finished.returncode, 1, finished.stderr)
            for name, (_, mend) in group.items():
                with self.subTest(name=name):
                    self.assertIn(mend, self.line_about(name, finished.stderr))

    def test_papers_may_not_lie_where_everybody_is_served(self) -> None:
        finished = self.check(STATIC_ROOT="/srv/static", KYC_ROOT="/srv/papers/../static/kyc")
        self.assertEqual(finished.returncode, 1, finished.stderr)
        self.assertIn("must not lie in STATIC_ROOT", self.line_about("KYC_ROOT", finished.stderr))
        self.assertEqual(self.check(STATIC_ROOT="/srv/static", KYC_ROOT="/srv/kyc").returncode, 0)

    def test_each_doubt_warns_and_says_what_to_do(self) -> None:
        finished = self.check(**{name: value for name, (value, _) in DOUBTS.items()})
        self.assertEqual(finished.returncode, 0, finished.stderr)
        for name, (_, mend) in DOUBTS.items():
            with self.subTest(name=name):
                self.assertIn(mend, self.line_about(name, finished.stderr))

    def line_about(self, name: str, told: str) -> str:
        """The one line about a variable, which shows no secret."""
        (line,) = [line for line in told.splitlines() if f"(onpoint.{name})" in line]
        for secret in (RANDOM, "password", "c2hvcnQ"):
            self.assertNotIn(secret, line.replace("mail password", "").replace("has no password", ""))
        return line

    def test_what_cannot_be_read_stops_everything(self) -> None:
        finished = self.check(RATE_LIMIT_LOGIN="5 in 15 minutes")
        self.assertIn("RATE_LIMIT_LOGIN must be requests/window such as 5/15m", finished.stderr)
        finished = self.check(TRUSTED_PROXIES="our-proxy")
        self.assertIn("TRUSTED_PROXIES must be networks", finished.stderr)


class Rates(SimpleTestCase):
    def test_what_is_none(self) -> None:
        for text in NOT_RATES:
            with self.subTest(text=text), mock.patch.dict(os.environ, A_RATE=text), self.assertRaises(SettingInvalid):
                env.rate("A_RATE", default="5/15m")

    def test_what_is_one(self) -> None:
        for text in ("5/15m", "1/s", "600/1m", "10/1d", "100000000/1m", "3/h"):
            with mock.patch.dict(os.environ, A_RATE=text):
                self.assertEqual(env.rate("A_RATE", default="5/15m"), text)
                quota, window = _split_rate(text)
                self.assertTrue(quota > 0 and window > 0)
        with mock.patch.dict(os.environ, A_RATE=""):
            self.assertEqual(env.rate("A_RATE", default="5/15m"), "5/15m")
