"""Secrets planted in files are found, one of each kind; this checkout has none without a reason."""

import base64
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import CommandError, call_command
from django.test import SimpleTestCase

from merchants.services.key_format import new_key
from onpoint_pay.secret_scan import RULES, AllowanceInvalid, files_of_repository, read_allowances, scan_text

ROOT = Path(__file__).resolve().parent.parent.parent
HEX = "b7e1f0c93a5d28461fe0d7c2b59384a6"
MIXED = "q7Xz2LmP9vTn4KsW8bRy1CdF6hGj3"
# Put together here, so that this file holds none itself.
PLANTED = {
    "api-key": [
        "sk_" + "live_" + MIXED,
        "rk_" + "test_" + MIXED,
        "pk_" + "live_" + MIXED,
        "sk_" + "test_" + HEX + HEX[:8],
    ],
    "webhook-secret": ["whsec" + "_" + base64.b64encode(HEX.encode()).decode()],
    "private-key": [
        f"-----BEGIN {kind}PRIVATE" + " KEY-----" for kind in ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")
    ],
    "encryption-key": ["ENCRYPTION_KEYS=k1:" + base64.b64encode(bytes.fromhex(HEX * 2)).decode()],
    "daraja-passkey": [
        "MPESA_PASSKEY=" + HEX * 2,
        'pass_key = "' + (HEX * 2).upper() + '"',
        '"passkey": "' + HEX * 2 + '"',
    ],
    "daraja-consumer": ["MPESA_CONSUMER_SECRET=" + MIXED * 2, "consumer_key: '" + MIXED + "'"],
    "daraja-credential": ['"SecurityCredential": "' + base64.b64encode(bytes(range(256))).decode() + '"'],
    "aws-key": ["AKIA" + "Q3EGRU7XW5NV2KTM", "ASIA" + "Q3EGRU7XW5NV2KTM"],
    "aws-secret": ["aws_secret_access_key = " + "wJ4rXUtnF7MI/K2MDENG+bPxRfiCYz8EXLMPL9KE"],
    "web-token": ["eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiJ1c3JfMDEifQ." + MIXED + MIXED],
    "github-token": ["ghp" + "_" + (MIXED * 2)[:36]],
    "google-key": ["AIza" + (MIXED * 2)[:35]],
    "slack-token": ["xoxb" + "-123456789012-" + MIXED],
    "flutterwave-key": ["FLWSECK" + "-" + MIXED + "-X"],
    "django-key": ["DJANGO_SECRET_KEY=" + HEX * 2, 'API_KEY_PEPPER = "' + HEX * 2 + '"'],
    "password-in-url": ["postgres://onpoint:" + HEX + "@db/onpoint", "redis://:" + HEX + "@valkey:6379/0"],
}
INNOCENT = (
    "sk_test_… and sk_live_your_key_here",
    "SECRET_KEY=",
    "MPESA_PASSKEY=simulator-passkey",
    "consumer_secret = 'simulator-consumer-secret'",
    "postgres://onpoint:${POSTGRES_PASSWORD:?}@db/onpoint",
    f"sha256: {HEX * 2}",
    "passkey: " + "0" * 64,
    "k1:" + base64.b64encode(bytes(32)).decode(),
    "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
)


class Rules(SimpleTestCase):
    def test_one_of_each_kind_is_found_and_never_shown(self) -> None:
        self.assertEqual(set(PLANTED), set(RULES))
        for rule, texts in PLANTED.items():
            for text in texts:
                for around in ("{}", "first line\nx = '{}'\n", "\ufeff{}\r\n", "a,{};b"):
                    with self.subTest(rule=rule, text=text[:24], around=around):
                        found = list(scan_text(around.format(text), "some/file"))
                        self.assertIn(rule, [finding.rule for finding in found])
                        for part in re.findall(r"[0-9A-Za-z+/]{12,}", text):
                            self.assertNotIn(part, " ".join(map(str, found)))

    def test_keys_as_we_make_them(self) -> None:
        for kind in ("secret", "restricted"):
            for mode in ("test", "live"):
                (found,) = scan_text(f"KEY={new_key(kind, mode)}", "x")
                self.assertEqual((found.rule, found.line), ("api-key", 1))

    def test_words_of_documentation_are_none(self) -> None:
        for text in INNOCENT:
            with self.subTest(text=text):
                self.assertEqual(list(scan_text(text, "x")), [])

    def test_every_place_is_told(self) -> None:
        text = "\n".join(["", PLANTED["aws-key"][0], "", PLANTED["aws-key"][1]])
        self.assertEqual([finding.line for finding in scan_text(text, "x")], [2, 4])


class Allowances(SimpleTestCase):
    def test_each_needs_its_reason(self) -> None:
        line = "api-key docs/example.md 0123456789ab The key of a test that was revoked in 2025."
        self.assertEqual(
            list(read_allowances(f"# words\n\n{line}\n")), [("api-key", "docs/example.md", "0123456789ab")]
        )
        for wrong in (
            "api-key docs/example.md 0123456789ab",
            "api-key docs/example.md 0123456789ab ok",
            line[1:],
            "api-key",
        ):
            with self.subTest(wrong=wrong), self.assertRaises(AllowanceInvalid):
                read_allowances(wrong)


class TheCommand(SimpleTestCase):
    def setUp(self) -> None:
        self.root = Path(self.enterContext(TemporaryDirectory()))
        self.git("init", "--quiet")

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True)

    def look(self) -> str:
        """What the command says; empty when all is well."""
        try:
            call_command("find_secrets", root=self.root, stdout=StringIO())
        except CommandError as error:
            return str(error)
        return ""

    def test_planted_files_are_named_until_there_is_a_reason(self) -> None:
        (self.root / "empty.py").write_text("")
        self.assertEqual(self.look(), "")
        for rule, texts in PLANTED.items():
            (self.root / f"{rule}.txt").write_text(texts[0])
        (self.root / "binary.bin").write_bytes(b"\xff\x00" + PLANTED["aws-key"][0].encode() + b"\x00\xfe")
        told = self.look()
        for rule in PLANTED:
            self.assertIn(f"{rule}.txt:1: {rule} (", told)
        self.assertIn("binary.bin:1: aws-key", told)
        self.git("add", ".")
        self.assertEqual(self.look(), told)

    def test_reasons_that_are_of_no_use_any_more_are_named(self) -> None:
        place = self.root / "example.txt"
        place.write_text(PLANTED["aws-key"][0])
        digest = self.look().partition("aws-key (")[2][:12]
        allowed = self.root / ".secrets-allowed"
        allowed.write_text(f"aws-key example.txt {digest} An example of the manual of AWS, valid nowhere.\n")
        self.assertEqual(self.look(), "")
        place.write_text(PLANTED["aws-key"][1])
        self.assertIn("example.txt:1: aws-key", self.look())
        place.unlink()
        self.assertIn("remove the line", self.look())

    def test_ignored_files_are_left_alone(self) -> None:
        (self.root / ".gitignore").write_text("local.env\n")
        (self.root / "local.env").write_text(PLANTED["django-key"][0])
        self.assertEqual(self.look(), "")

    def test_outside_a_checkout_it_fails(self) -> None:
        with TemporaryDirectory() as folder, self.assertRaises(CommandError):
            call_command("find_secrets", root=Path(folder))


class ThisCheckout(SimpleTestCase):
    def test_it_holds_no_secret(self) -> None:
        try:
            self.assertIn("manage.py", files_of_repository(ROOT))
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("not a git checkout")
        finished = subprocess.run(
            [sys.executable, "manage.py", "find_secrets"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        self.assertEqual((finished.returncode, finished.stderr), (0, ""))

    def test_make_check_looks(self) -> None:
        self.assertIn("manage.py find_secrets", (ROOT / "Makefile").read_text())
