"""The doctor: every class of failure told apart, each with what to do about it, and nothing moved."""

import json
import os
from base64 import b64encode
from datetime import timedelta
from io import StringIO
from unittest import mock

from django.core.management import CommandError, call_command
from django.test import LiveServerTestCase, SimpleTestCase, override_settings

from audit.models import AuditEvent
from merchants.models import ProviderAccount
from merchants.serializers.accounts import DoctorReportSerializer, FindingSerializer
from merchants.services import own_address
from merchants.services.doctor import check_certificate, check_initiator, check_words, examine
from merchants.services.findings import FAILED, OK, SKIPPED, WARNING, Finding, worst
from merchants.services.platform_accounts import platform_account
from merchants.services.provider_accounts import platform_config, provider_for
from merchants.tests.accounts import (
    ACCOUNTS,
    NOBODY,
    SECRETS,
    AccountCalls,
    make_account,
    make_certificate,
    make_elliptic_certificate,
)
from merchants.tests.base import ApiTestCase
from onpoint_pay.kit.addresses import resolve
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from tests.simulator_process import simulator

PUBLIC = "https://pay.example.co.ke"


class Examining(AccountCalls, ApiTestCase):
    def findings(self, account: ProviderAccount) -> dict[str, Finding]:
        found = examine(account)
        for finding in found:
            if finding.status == FAILED:
                self.assertTrue(finding.fix, finding)
        return {finding.check: finding for finding in found}

    def statuses(self, account: ProviderAccount) -> dict[str, str]:
        return {check: finding.status for check, finding in self.findings(account).items()}

    def test_an_account_that_can_work(self) -> None:
        account = self.connected(initiator_name="shop-api", certificate=make_certificate())
        self.post(f"{ACCOUNTS}{account.public_id}/register-urls/", headers=self.headers)
        account.refresh_from_db()
        found = self.statuses(account)
        # Nobody answers at BASE_URL here; a test of its own asks a server that does.
        self.assertEqual(found.pop("reachable"), FAILED)
        self.assertEqual(set(found.values()), {OK}, found)
        self.assertEqual(simulator().prompts(), [])

    def test_the_platforms_own_account(self) -> None:
        found = self.statuses(platform_account("daraja", "test"))
        self.assertEqual([found[check] for check in ("credentials", "shortcode", "initiator", "certificate")], [OK] * 4)

    def test_a_wrong_key(self) -> None:
        found = self.findings(self.connected(consumer_key="another-key", consumer_secret="another-secret"))
        self.assertEqual((found["credentials"].status, found["shortcode"].status), (FAILED, SKIPPED))
        self.assertIn("consumer key", found["credentials"].detail)

    def test_a_wrong_passkey(self) -> None:
        found = self.findings(self.connected(passkey="another-passkey"))
        self.assertEqual((found["credentials"].status, found["shortcode"].status), (OK, FAILED))
        self.assertIn("Wrong credentials", found["shortcode"].detail)
        self.assertIn("passkey", found["shortcode"].fix)

    def test_a_wrong_shortcode(self) -> None:
        found = self.findings(self.connected(shortcode="600777"))
        self.assertEqual((found["credentials"].status, found["shortcode"].status), (OK, FAILED))
        self.assertIn("Merchant does not exist", found["shortcode"].detail)
        self.assertIn("shortcode", found["shortcode"].fix)

    def test_no_passkey_at_all(self) -> None:
        account = self.connected(environment="sandbox", passkey=None)
        with override_settings(MPESA_BASE_URL=NOBODY, MPESA_ENVIRONMENT="sandbox"):
            self.assertEqual(self.statuses(account)["shortcode"], SKIPPED)
        self.assertEqual(self.findings(account)["shortcode"].status, SKIPPED)

    def test_a_provider_that_nobody_can_reach(self) -> None:
        with override_settings(SIMULATOR_URL=NOBODY):
            found = self.findings(self.connected(initiator_name="shop-api"))
        self.assertEqual([found[check].status for check in ("credentials", "shortcode")], [FAILED, SKIPPED])
        self.assertIn("could not be reached", found["credentials"].detail)
        self.assertEqual(found["certificate"].status, FAILED)

    def test_a_forbidden_word_in_the_host_or_a_setting(self) -> None:
        account = self.connected()
        for settings in (
            {"BASE_URL": "https://mpesa.example.co.ke"},
            {"BASE_URL": "https://pay.example.co.ke/SQL"},
            {"BASE_URL": PUBLIC, "MPESA_CALLBACK_URL": f"{PUBLIC}/api/v1/payments/mpesa/callback/"},
        ):
            with self.subTest(settings=settings), override_settings(**settings):
                found = check_words(account, provider_for("daraja", "test", account.id))
                self.assertEqual(found.status, FAILED)
                self.assertTrue(found.fix)
                self.assertNotIn(account.open_hook_token(), found.detail)

    def test_the_last_refused_registration_is_told_with_the_other_version(self) -> None:
        account = self.connected()
        self.know_shortcode(c2b_version="v1")
        path = f"{ACCOUNTS}{account.public_id}/"
        self.assert_problem(self.post(f"{path}register-urls/", headers=self.headers), 502, "provider_error")
        report = self.post(f"{path}doctor/", headers=self.headers).json()
        (found,) = [each for each in report["findings"] if each["check"] == "c2b_registration"]
        self.assertEqual(found["status"], FAILED)
        self.assertIn("no apiproduct match", found["detail"])
        self.assertIn("set c2b_version to v1", found["fix"])
        self.patch(path, {"c2b_version": "v1"}, self.headers)
        self.assertEqual(self.post(f"{path}register-urls/", headers=self.headers).status_code, 200)
        account.refresh_from_db()
        self.assertEqual(self.statuses(account)["c2b_registration"], OK)

    def test_nothing_registered_yet(self) -> None:
        found = self.findings(self.connected())
        for check in ("c2b_registration", "pull_registration"):
            self.assertEqual(found[check].status, WARNING)
            self.assertIn("egister", found[check].fix)
        live = self.findings(make_account(self.merchant, environment="sandbox", shortcode="600129"))
        self.assertIn("pull_phone", live["pull_registration"].fix)

    def test_secrets_that_do_not_open(self) -> None:
        account = self.connected()
        account.secrets = "v1.gone.AAAA"
        (found,) = examine(account)
        self.assertEqual((found.check, found.status), ("secrets", FAILED))
        self.assertIn("ENCRYPTION_KEYS", found.fix)


class ApiUser(SimpleTestCase):
    """Of the platform's configuration, which takes every shape from settings."""

    def found(self, **settings: str) -> tuple[Finding, Finding]:
        credentials = {"MPESA_CONSUMER_KEY": "k", "MPESA_CONSUMER_SECRET": "s", "MPESA_SHORTCODE": "600999"}
        with override_settings(**credentials, **settings):
            config = platform_config("test")
        return check_initiator(config), check_certificate(config)

    def assert_statuses(self, initiator: str, certificate: str, **settings: str) -> tuple[Finding, Finding]:
        found = self.found(**settings)
        self.assertEqual([each.status for each in found], [initiator, certificate], found)
        return found

    def test_none_leaves_features_off(self) -> None:
        initiator, _ = self.assert_statuses(SKIPPED, SKIPPED)
        self.assertIn("reversals, payouts", initiator.detail)

    def test_a_password_needs_a_certificate(self) -> None:
        user = {"MPESA_INITIATOR_NAME": "api", "MPESA_INITIATOR_PASSWORD": "platform-password"}
        self.assert_statuses(FAILED, FAILED, MPESA_INITIATOR_NAME="api")
        self.assert_statuses(OK, FAILED, **user)
        self.assert_statuses(OK, FAILED, **user, MPESA_CERTIFICATE="-----BEGIN NOTHING")
        self.assert_statuses(OK, FAILED, **user, MPESA_CERTIFICATE=make_elliptic_certificate())
        self.assert_statuses(OK, FAILED, **user, MPESA_CERTIFICATE=make_certificate(bits=3072))
        self.assert_statuses(OK, OK, **user, MPESA_CERTIFICATE=make_certificate())

    def test_dates_are_told_and_decide_nothing(self) -> None:
        user = {"MPESA_INITIATOR_NAME": "api", "MPESA_INITIATOR_PASSWORD": "platform-password"}
        _, found = self.assert_statuses(OK, WARNING, **user, MPESA_CERTIFICATE=make_certificate(days=-10))
        self.assertIn(f"{now() - timedelta(days=10):%Y-%m-%d}", found.detail)

    def test_a_finished_credential(self) -> None:
        good = b64encode(os.urandom(256)).decode()
        self.assert_statuses(OK, SKIPPED, MPESA_INITIATOR_NAME="api", MPESA_SECURITY_CREDENTIAL=good)
        for bad in (good[:-8], "no base64 at all!", b64encode(b"short").decode()):
            self.assert_statuses(FAILED, SKIPPED, MPESA_INITIATOR_NAME="api", MPESA_SECURITY_CREDENTIAL=bad)


class OurOwnAddress(SimpleTestCase):
    def place(self, url: str, *, is_simulated: bool = False, needs_https: bool = False) -> str:
        with override_settings(BASE_URL=url):
            return own_address.check_place(is_simulated=is_simulated, needs_https=needs_https).status

    def test_the_simulator_reaches_this_machine(self) -> None:
        self.assertEqual(self.place(NOBODY, is_simulated=True), OK)

    def test_a_provider_does_not(self) -> None:
        for url in (NOBODY, "http://localhost:8000", "http://10.0.0.7", "http://[::1]:8000", "http://192.168.1.4"):
            self.assertEqual(self.place(url), FAILED, url)
        with mock.patch.object(own_address, "resolve", side_effect=OSError):
            self.assertEqual(self.place("http://no-such-host.example"), FAILED)
        self.assertEqual(self.place("http://196.201.214.200"), OK)

    def test_production_needs_https(self) -> None:
        self.assertEqual(self.place("http://196.201.214.200", needs_https=True), FAILED)
        self.assertEqual(self.place("https://196.201.214.200", needs_https=True), OK)

    def test_a_name_that_is_private_here_may_be_public_elsewhere(self) -> None:
        with mock.patch.object(own_address, "resolve", lambda host, port: resolve("10.0.0.7", port)):
            self.assertEqual(self.place("https://pay.example.co.ke", needs_https=True), WARNING)

    def test_nobody_answers(self) -> None:
        with override_settings(BASE_URL=NOBODY):
            self.assertEqual(own_address.check_reachable().status, FAILED)

    def test_somebody_else_answers(self) -> None:
        with override_settings(BASE_URL=simulator().url):
            found = own_address.check_reachable()
        self.assertEqual(found.status, FAILED)
        self.assertIn("HTTP 404", found.detail)

    def test_the_worst_of_all(self) -> None:
        def of(*statuses: str) -> str:
            return worst(Finding(check="x", status=status, detail="") for status in statuses)

        self.assertEqual([of(OK, SKIPPED), of(OK, WARNING, SKIPPED), of(WARNING, FAILED)], [OK, WARNING, FAILED])


class Reached(LiveServerTestCase):
    def test_we_answer_ourselves(self) -> None:
        with override_settings(BASE_URL=self.live_server_url):
            self.assertEqual(own_address.check_reachable().status, OK)


class Reports(AccountCalls, ApiTestCase):
    def test_the_answer_and_what_is_kept_of_it(self) -> None:
        account = self.connected(passkey="another-passkey")
        path = f"{ACCOUNTS}{account.public_id}/"
        found = self.post(f"{path}doctor/", headers=self.headers).json()
        self.assertEqual(list(found), list(DoctorReportSerializer().fields))
        self.assertEqual(list(found["findings"][0]), list(FindingSerializer().fields))
        self.assertEqual((found["account"], found["status"]), (account.public_id, "failed"))
        row = ProviderAccount.objects.get()
        self.assertEqual((row.check_report["findings"], row.version), (found["findings"], account.version))
        shown = self.get(path, self.headers).json()
        self.assertEqual((shown["check_status"], shown["checked_at"]), ("failed", found["checked_at"]))
        event = AuditEvent.objects.get(action="provider_account.checked")
        self.assertEqual((event.actor, event.detail["status"]), (self.owner.public_id, "failed"))
        self.assertIn("shortcode", event.detail["failed"])


class Command(AccountCalls, ApiTestCase):
    def run_doctor(self, *arguments: str) -> tuple[int, str]:
        """How many accounts failed, and what was printed."""
        output = StringIO()
        try:
            call_command("doctor", *arguments, stdout=output)
        except CommandError as error:
            self.assertEqual(error.returncode, 1)
            return int(str(error).split()[0]), output.getvalue()
        return 0, output.getvalue()

    def test_everything_in_a_table(self) -> None:
        account = self.connected(passkey="another-passkey")
        failed, text = self.run_doctor()
        platforms = ProviderAccount.objects.get(merchant=None)
        self.assertEqual(failed, 2)  # nobody answers at BASE_URL
        self.assertIn(f"{platforms.public_id}  test  simulator  paybill 174379 of the platform: failed", text)
        self.assertIn(f"{account.public_id}  test  simulator  paybill 600123 of Duka Bora: failed", text)
        self.assertRegex(text, r"failed   shortcode +M-Pesa refuses the shortcode and passkey together")
        self.assertRegex(text, r"-> Check that the passkey")
        self.assertFalse([value for value in SECRETS.values() if value in text])

    def test_as_json_and_only_those_named(self) -> None:
        account = self.connected()
        make_account(self.merchant, shortcode="600129")
        for arguments in (["--account", account.public_id], ["--merchant", self.merchant.public_id]):
            _, text = self.run_doctor(*arguments, "--json")
            reports = json.loads(text)
            self.assertEqual(len(reports), 1 if arguments[0] == "--account" else 2)
            self.assertIn(account.public_id, [report["account"] for report in reports])
        self.assertEqual(self.run_doctor("--mode", "live"), (0, "There is no account to check.\n"))

    def test_a_platform_whose_shortcode_is_taken(self) -> None:
        make_account(self.merchant, shortcode="174379")
        with self.assertRaisesMessage(CommandError, "A merchant has connected"):
            call_command("doctor", stdout=StringIO())

    def test_names_of_nothing(self) -> None:
        for arguments in (["--account", "prv_x"], ["--account", to_public("prv", new_id())], ["--merchant", "mer_x"]):
            with self.assertRaisesMessage(CommandError, "There is no"):
                call_command("doctor", *arguments, stdout=StringIO())


class GoodHealth(AccountCalls, LiveServerTestCase):
    def test_exit_0_when_no_check_failed(self) -> None:
        account = self.connected()
        output = StringIO()
        with override_settings(BASE_URL=self.live_server_url):
            call_command("doctor", "--account", account.public_id, stdout=output)
        self.assertIn("1 accounts checked.", output.getvalue())
        self.assertEqual(ProviderAccount.objects.get().check_report["status"], WARNING)
