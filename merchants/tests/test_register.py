"""Registering addresses: what the simulator's book has of it, what is refused before anything is sent, and repeats."""

from io import StringIO
from typing import Any
from unittest import mock

from django.core.management import CommandError, call_command
from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import ProviderAccount
from merchants.serializers.accounts import RegistrationSerializer
from merchants.services import registration
from merchants.services.hooks import all_urls, registered_urls
from merchants.services.platform_accounts import platform_account
from merchants.services.provider_accounts import provider_for
from merchants.services.registration import register_account
from merchants.tests.accounts import ACCOUNTS, NOBODY, AccountCalls, make_account
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.errors import Problem
from tests.simulator_process import simulator

REGISTER = "c2b/register-urls/"


def book_of(shortcode: str) -> Any:
    """What the simulator has registered for the shortcode."""
    return simulator().call("GET", "shortcodes", shortcode=shortcode)["c2b_urls"]


class Registering(AccountCalls, ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.account = self.connected()
        self.path = f"{ACCOUNTS}{self.account.public_id}/register-urls/"

    def register(self) -> Any:
        return self.post(self.path, headers=self.headers)

    def test_the_book_has_the_secret_addresses_and_the_answer_hides_them(self) -> None:
        answer = self.register()
        found = answer.json()
        self.assertEqual((answer.status_code, list(found)), (200, list(RegistrationSerializer().fields)))
        token = self.account.open_hook_token()
        registered = book_of("600123")
        self.assertEqual(registered["confirmation_url"], f"{NOBODY}/api/v1/hooks/{token}/confirm/")
        self.assertEqual(registered["validation_url"], f"{NOBODY}/api/v1/hooks/{token}/validate/")
        self.assertEqual((registered["version"], registered["response_type"]), ("v2", "Completed"))
        self.assertEqual(found["confirmation_url"], f"{NOBODY}/api/v1/hooks/****/confirm/")
        self.assertNotIn(token, answer.content.decode())
        row = ProviderAccount.objects.get()
        self.assertIsNotNone(row.urls_registered_at)
        self.assertIsNotNone(row.pull_registered_at)
        self.assertEqual((found["pull_note"], found["account"]), (None, self.account.public_id))
        event = AuditEvent.objects.get(action="provider_account.registered")
        self.assertEqual((event.actor, event.told), (self.owner.public_id, {"livemode": False, "pull": True}))

    def test_silence_and_version_as_the_account_says(self) -> None:
        self.patch(
            self.path.removesuffix("register-urls/"),
            {"validation_default": "reject", "c2b_version": "v1"},
            self.headers,
        )
        self.assertEqual(self.register().json()["validation_default"], "reject")
        registered = book_of("600123")
        self.assertEqual((registered["version"], registered["response_type"]), ("v1", "Cancelled"))

    def test_again_overwrites_and_changes_nothing_else(self) -> None:
        first = self.register().json()
        before = book_of("600123")
        again = self.register().json()
        self.assertEqual(book_of("600123"), before)
        self.assertEqual(
            {name for name in first if first[name] != again[name]}, {"urls_registered_at", "pull_registered_at"}
        )

    def test_production_registers_once_and_says_so_without_failing(self) -> None:
        self.register()
        before = book_of("600123")
        self.know_production()
        with override_settings(BASE_URL="https://pay.example.co.ke"):
            self.assertEqual(self.register().status_code, 200)
        self.assertEqual(book_of("600123"), before)

    def know_production(self) -> None:
        simulator().call("POST", "shortcodes", {"shortcode": "600123", "production": True})

    def test_words_are_refused_before_anything_is_sent(self) -> None:
        with override_settings(BASE_URL="https://mpesa.example.co.ke"):
            found = self.assert_problem(self.register(), 400, "callback_url_forbidden")
        self.assertEqual(len(found["errors"]), 2)
        self.assertNotIn(self.account.open_hook_token(), str(found))
        self.assert_nothing_happened()

    def test_the_wrong_version_is_told_by_the_provider(self) -> None:
        self.know_shortcode(c2b_version="v1")
        found = self.assert_problem(self.register(), 502, "provider_error")
        self.assertIn("no apiproduct match", found["detail"])
        self.assert_nothing_happened()
        self.assertIn("apiproduct", ProviderAccount.objects.get().check_report["registration"]["detail"])

    def test_answers_that_register_nothing(self) -> None:
        for answer in ("legacy_registered", "duplicate_notification", "soap_fault"):
            with self.subTest(answer=answer):
                self.know_shortcode(register_answer=answer)
                self.assertGreaterEqual(self.register().status_code, 502)
                self.assert_nothing_happened()

    def test_nobody_there(self) -> None:
        with override_settings(SIMULATOR_URL=NOBODY):
            path = f"{ACCOUNTS}{self.connected(shortcode='600125').public_id}/register-urls/"
            found = self.assert_problem(self.post(path, headers=self.headers), 503, "provider_unavailable")
        self.assertTrue(found["retryable"])
        self.assert_nothing_happened()

    def assert_nothing_happened(self) -> None:
        self.assertIsNone(book_of("600123"))
        self.assertFalse(ProviderAccount.objects.filter(urls_registered_at__isnull=False).exists())
        self.assertFalse(AuditEvent.objects.filter(action="provider_account.registered").exists())

    def test_without_a_phone_there_is_no_list_and_the_addresses_stand(self) -> None:
        with mock.patch.object(registration, "SIMULATED_PULL_PHONE", ""):
            found = self.register().json()
        self.assertIn("pull_phone", found["pull_note"])
        self.assertIsNotNone(found["urls_registered_at"])
        self.assertIsNone(found["pull_registered_at"])
        self.assertIsNotNone(book_of("600123"))


class ForCallers(AccountCalls, ApiTestCase):
    def test_a_merchant_without_an_account_shares_the_simulated_one(self) -> None:
        headers = key_headers(make_api_key(self.merchant))
        found = self.post(REGISTER, headers=headers).json()
        self.assertEqual((found["account"], found["shortcode"], found["simulated"]), (None, "174379", True))
        token = ProviderAccount.objects.get().open_hook_token()
        self.assertEqual(book_of("174379")["confirmation_url"], f"{NOBODY}/api/v1/hooks/{token}/confirm/")

    def test_a_merchants_own_account_goes_first(self) -> None:
        account = self.connected()
        for headers in (
            key_headers(make_api_key(self.merchant)),
            person_headers(make_member(self.merchant, "admin")),
        ):
            self.assertEqual(self.post(REGISTER, headers=headers).json()["account"], account.public_id)

    def test_whoever_matches_money_leaves_accounts_alone(self) -> None:
        self.connected()
        for role in ("finance", "support"):
            headers = person_headers(make_member(self.merchant, role))
            found = self.assert_problem(self.post(REGISTER, headers=headers), 403, "insufficient_scope")
            self.assertEqual(found["required_scope"], "accounts:write")

    def test_a_real_shortcode_of_the_platform_is_the_operators(self) -> None:
        credentials = {"MPESA_CONSUMER_KEY": "k", "MPESA_CONSUMER_SECRET": "s", "MPESA_SHORTCODE": "600999"}
        with override_settings(**credentials):
            answer = self.post(REGISTER, headers=key_headers(make_api_key(self.merchant)))
        self.assert_problem(answer, 409, "state_conflict")
        live = key_headers(make_api_key(self.merchant, mode="live"))
        self.assert_problem(self.post(REGISTER, headers=live), 503, "provider_not_configured")

    def test_the_scope(self) -> None:
        key = make_api_key(self.merchant, scopes=["c2b:read"], kind="restricted")
        found = self.assert_problem(self.post(REGISTER, headers=key_headers(key)), 403, "insufficient_scope")
        self.assertEqual(found["required_scope"], "c2b:write")

    def test_another_merchants_account_is_never_touched(self) -> None:
        theirs = make_account(make_merchant("Mama Mboga"))
        self.post(REGISTER, headers=key_headers(make_api_key(self.merchant)))
        theirs.refresh_from_db()
        self.assertIsNone(theirs.urls_registered_at)
        self.assertIsNone(book_of("600123"))


class Addresses(AccountCalls, ApiTestCase):
    def test_none_holds_a_forbidden_word_of_its_own(self) -> None:
        account = self.connected()
        urls = all_urls(account)
        self.assertEqual(provider_for("daraja", "test", account.id).check_addresses(urls), [])
        self.assertEqual(len(set(urls)), len(urls))
        self.assertFalse([url for url in urls if account.open_hook_token() in url])

    def test_fixed_addresses_are_for_the_platforms_account(self) -> None:
        fixed = {"MPESA_CONFIRMATION_URL": "https://a.example/c/", "MPESA_VALIDATION_URL": "https://a.example/v/"}
        with override_settings(**fixed):
            urls = registered_urls(platform_account("daraja", "test"))
            self.assertEqual((urls.confirmation, urls.validation), tuple(fixed.values()))
            self.assertIn("/api/v1/hooks/", registered_urls(self.connected()).confirmation)

    def test_addresses_whose_secret_does_not_open(self) -> None:
        account = self.connected()
        account.hook_token = "v1.gone.AAAA"
        with self.assertRaisesMessage(Problem, "provider_not_configured"):
            register_account(account, actor="tests")


class Command(AccountCalls, ApiTestCase):
    def run_command(self, *arguments: str) -> str:
        output = StringIO()
        call_command("register_callbacks", *arguments, stdout=output, stderr=output)
        return output.getvalue()

    def test_the_platforms_account_by_default(self) -> None:
        other = self.connected()
        text = self.run_command()
        own = ProviderAccount.objects.get(merchant=None)
        self.assertIn(own.open_hook_token(), text)
        self.assertIn("registered; enrolled for the list of money received", text)
        self.assertNotIn(other.public_id, text)
        self.assertIsNotNone(book_of("174379"))
        self.assertIsNone(book_of("600123"))

    def test_one_a_merchants_and_all(self) -> None:
        account = self.connected()
        for arguments in (["--account", account.public_id], ["--merchant", self.merchant.public_id], ["--all"]):
            self.know_shortcode()
            text = self.run_command(*arguments, "--mode", "test")
            self.assertIn(account.public_id, text)
            self.assertIsNotNone(book_of("600123"))
            self.assertEqual("174379" in text, arguments == ["--all"])
        self.assertEqual(self.run_command("--mode", "live"), "There is no account to register.\n")

    def test_a_dry_run_shows_and_sends_nothing(self) -> None:
        account = self.connected()
        text = self.run_command("--account", account.public_id, "--dry-run")
        self.assertIn(registered_urls(account).validation, text)
        self.assertIn("nothing sent", text)
        self.assertIsNone(book_of("600123"))
        self.assertIsNone(ProviderAccount.objects.get().urls_registered_at)

    def test_words_are_named_and_the_exit_is_1(self) -> None:
        account = self.connected()
        output = StringIO()
        for arguments in ([], ["--dry-run"]):
            with (
                override_settings(BASE_URL="https://mpesa.example.co.ke"),
                self.assertRaisesMessage(CommandError, "1 of 1 accounts are not registered.") as raised,
            ):
                call_command(
                    "register_callbacks", "--account", account.public_id, *arguments, stdout=output, stderr=output
                )
            self.assertEqual(raised.exception.returncode, 1)
        self.assertEqual(output.getvalue().count('holds "mpesa"'), 4)
        self.assertIsNone(book_of("600123"))

    def test_names_of_nothing(self) -> None:
        with self.assertRaisesMessage(CommandError, "There is no account"):
            self.run_command("--account", "prv_x")
