"""Whose credentials serve whom: the card, the provider built from it, and how soon a change is noticed."""

from unittest import mock

from django.db import connection
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from merchants.models import Merchant, ProviderAccount
from merchants.selectors.records import kept_key_record, load_key_record, merchant_card
from merchants.services import provider_accounts
from merchants.services import simulator as simulator_module
from merchants.services.api_keys import create_api_key
from merchants.services.platform_accounts import platform_account
from merchants.services.provider_accounts import account_of, config_of, provider_for
from merchants.services.simulator import simulator_certificate
from merchants.tests.accounts import ACCOUNTS, NOBODY, AccountCalls, make_account, make_certificate
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import key_headers, make_merchant, person_headers
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.errors import Problem
from providers.errors import ProviderUnavailable
from providers.types import BalanceRequest, OutcomeStatus

CREDENTIALS = {
    "MPESA_CONSUMER_KEY": "platform-key",
    "MPESA_CONSUMER_SECRET": "platform-secret",
    "MPESA_SHORTCODE": "600999",
}


def caller_of(merchant: Merchant, mode: str = "test") -> Caller:
    return Caller(merchant=merchant_card(merchant), mode=mode, actor="key_tests", kind="secret")


class Serving(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()

    def test_the_active_default_of_the_mode(self) -> None:
        self.assertIsNone(account_of(caller_of(self.merchant), "daraja"))
        test = make_account(self.merchant)
        make_account(self.merchant, shortcode="600124", is_default=False)
        live = make_account(self.merchant, mode="live")
        make_account(make_merchant(), shortcode="600125")
        self.assertEqual(account_of(caller_of(self.merchant), "daraja"), test.id)
        self.assertEqual(account_of(caller_of(self.merchant, "live"), "daraja"), live.id)
        self.assertIsNone(account_of(caller_of(self.merchant), "another"))
        ProviderAccount.objects.filter(id=test.id).update(is_active=False)
        self.assertIsNone(account_of(caller_of(self.merchant), "daraja"))

    def test_a_key_comes_with_its_merchants_accounts_in_one_statement(self) -> None:
        account = make_account(self.merchant)
        _, clear = create_api_key(merchant_id=self.merchant.id, mode="test", name="Till", created_by="tests")
        with CaptureQueriesContext(connection) as queries:
            record = load_key_record(keyed_digest(clear))
        self.assertEqual(len(queries), 1)
        assert record is not None
        self.assertEqual(record.merchant, merchant_card(self.merchant))
        self.assertEqual([card.id for card in record.merchant.accounts], [account.id])

    def test_built_once_and_then_without_sql(self) -> None:
        account = make_account(self.merchant)
        caller = caller_of(self.merchant)
        first = provider_for("daraja", "test", account_of(caller, "daraja"))
        with self.assertNumQueries(0):
            self.assertIs(provider_for("daraja", "test", account_of(caller, "daraja")), first)
        self.assertEqual((first.float_name, first.is_simulated), (account.shortcode, True))

    def test_a_newer_card_is_believed_at_once_and_others_within_a_minute(self) -> None:
        account = make_account(self.merchant)
        old = provider_for("daraja", "test", account.id)
        account.put_secrets({"consumer_key": "another-key", "consumer_secret": "another-secret"})
        account.version += 1
        account.save()
        self.assertIs(provider_for("daraja", "test", account.id), old)
        late = provider_accounts.time.monotonic() + provider_accounts.TRUSTED_SECONDS + 1
        with mock.patch.object(provider_accounts.time, "monotonic", lambda: late):
            self.assertEqual(provider_for("daraja", "test", account.id).config.consumer_key, "another-key")
        account.put_secrets({"consumer_key": "a-third-key", "consumer_secret": "another-secret"})
        account.version += 1
        account.save()
        key = account_of(caller_of(self.merchant), "daraja")
        self.assertEqual(provider_for("daraja", "test", key).config.consumer_key, "a-third-key")

    def test_an_old_card_does_not_bring_back_what_was_changed(self) -> None:
        account = make_account(self.merchant)
        old = caller_of(self.merchant)
        account.version += 1
        account.save()
        built = provider_for("daraja", "test", account.id)
        account_of(old, "daraja")
        self.assertIs(provider_for("daraja", "test", account.id), built)

    def test_what_is_under_way_is_followed_after_an_account_went_out_of_use(self) -> None:
        account = make_account(self.merchant)
        ProviderAccount.objects.update(is_active=False)
        self.assertEqual(provider_for("daraja", "test", account.id).float_name, account.shortcode)

    def test_the_longest_unused_is_given_up(self) -> None:
        with mock.patch.object(provider_accounts, "MOST_BUILT", 2), mock.patch.object(provider_accounts, "_built", {}):
            accounts = [make_account(self.merchant, shortcode=f"60020{n}") for n in range(3)]
            for account in accounts:
                provider_for("daraja", "test", account.id)
            self.assertEqual(list(provider_accounts._built), [account.id for account in accounts[1:]])


class Addresses(TestCase):
    def base_url(self, **fields: str) -> str:
        return config_of(make_account(make_merchant(), **fields)).base_url

    def test_each_environment_has_its_host(self) -> None:
        self.assertEqual(self.base_url(mode="live"), "https://api.safaricom.co.ke")
        self.assertEqual(self.base_url(environment="sandbox"), "https://sandbox.safaricom.co.ke")
        with override_settings(SIMULATOR_URL=NOBODY):
            self.assertEqual(self.base_url(shortcode="600124"), NOBODY)

    @override_settings(MPESA_BASE_URL="https://relay.example", MPESA_ENVIRONMENT="production")
    def test_the_operators_own_address_counts_for_its_environment_only(self) -> None:
        self.assertEqual(self.base_url(mode="live"), "https://relay.example")
        self.assertEqual(self.base_url(environment="sandbox"), "https://sandbox.safaricom.co.ke")

    def test_private_addresses_are_the_simulators_alone(self) -> None:
        account = make_account(make_merchant(), mode="live")
        with override_settings(MPESA_BASE_URL="http://127.0.0.1:9", MPESA_ENVIRONMENT="production"):
            provider = provider_for("daraja", "live", account.id)
            with self.assertRaisesMessage(ProviderUnavailable, "may not be called"):
                provider.check_credentials()

    def test_a_till_is_paid_by_its_number(self) -> None:
        account = make_account(make_merchant(), kind="till", till="5123456")
        self.assertEqual((config_of(account).till, config_of(account).shortcode), ("5123456", "600123"))


class Platform(TestCase):
    def test_made_at_first_use_and_found_again(self) -> None:
        first = platform_account("daraja", "test")
        self.assertEqual((first.merchant_id, first.secrets, first.environment), (None, None, "simulator"))
        self.assertEqual((first.shortcode, first.kind, first.till), ("174379", "paybill", None))
        self.assertRegex(first.open_hook_token(), "^[0-9a-f]{32}$")
        self.assertEqual(platform_account("daraja", "test").id, first.id)
        event = AuditEvent.objects.get()
        self.assertEqual(
            (event.stream, event.action, event.object), ("platform", "provider_account.connected", first.public_id)
        )

    def test_its_credentials_are_those_of_the_settings(self) -> None:
        account = platform_account("daraja", "test")
        self.assertIs(provider_for("daraja", "test", account.id), provider_for("daraja", "test"))

    def test_live_mode_without_credentials_has_none(self) -> None:
        with self.assertRaisesMessage(Problem, "provider_not_configured"):
            platform_account("daraja", "live")
        self.assertFalse(ProviderAccount.objects.exists())

    def test_another_shortcode_takes_over_and_the_first_comes_back_with_its_token(self) -> None:
        first = platform_account("daraja", "test")
        with override_settings(**CREDENTIALS, MPESA_TILL="5123456"):
            second = platform_account("daraja", "test")
        self.assertEqual((second.shortcode, second.till, second.environment), ("600999", "5123456", "sandbox"))
        self.assertFalse(ProviderAccount.objects.get(id=first.id).is_active)
        again = platform_account("daraja", "test")
        self.assertEqual((again.id, again.open_hook_token()), (first.id, first.open_hook_token()))
        self.assertEqual(ProviderAccount.objects.filter(is_active=True).count(), 1)

    def test_a_shortcode_that_a_merchant_connected_first(self) -> None:
        make_account(make_merchant(), environment="sandbox", shortcode="600999")
        with override_settings(**CREDENTIALS), self.assertRaisesMessage(Problem, "state_conflict"):
            platform_account("daraja", "test")

    @override_settings(
        **CREDENTIALS,
        MPESA_INITIATOR_NAME="platform-api",
        MPESA_INITIATOR_PASSWORD="platform-password",
        MPESA_CERTIFICATE=make_certificate(),
        MPESA_C2B_VERSION="v1",
    )
    def test_the_settings_reach_the_provider(self) -> None:
        config = provider_accounts.platform_config("test")
        self.assertEqual(
            (config.initiator_name, config.initiator_password, config.c2b_version, config.simulated),
            ("platform-api", "platform-password", "v1", False),
        )
        self.assertEqual(config.certificate, make_certificate())


class TheSimulatorsApiUser(AccountCalls, ApiTestCase):
    """Its password is encrypted with a certificate that only a running simulator has."""

    def test_an_order_of_the_platform_and_of_an_account_is_taken(self) -> None:
        account = self.connected(initiator_name="shop-api")
        for key in (None, account.id):
            asked = provider_for("daraja", "test", key).ask_balance(
                BalanceRequest(reference="Q1", result_url=f"{NOBODY}/result/", timeout_url=f"{NOBODY}/timeout/")
            )
            self.assertEqual(asked.status, OutcomeStatus.PENDING)

    def test_the_certificate_is_fetched_when_it_is_needed_and_kept(self) -> None:
        with override_settings(SIMULATOR_URL=NOBODY):
            config = config_of(make_account(self.merchant, shortcode="600125"))
            with self.assertRaises(ProviderUnavailable):
                config.certificate()  # type: ignore[operator]
            with override_settings(SIMULATOR_CERTIFICATE=make_certificate()):
                self.assertEqual(simulator_certificate(), make_certificate())
        shown = simulator_certificate()
        self.assertTrue(shown.startswith("-----BEGIN CERTIFICATE"))
        with mock.patch.object(simulator_module, "_fetch") as fetch:
            self.assertEqual(simulator_certificate(), shown)
        fetch.assert_not_called()


class AfterTheCommit(AccountCalls, CommittingTestCase):
    def test_a_change_reaches_keys_and_people(self) -> None:
        key, clear = create_api_key(merchant_id=self.merchant.id, mode="test", name="Till", created_by="tests")
        digest = keyed_digest(clear)
        for headers in (key_headers(clear), self.headers):
            self.assertEqual(self.get("merchant/", headers).status_code, 200)
        kept = kept_key_record(digest)
        assert kept is not None
        self.assertEqual(kept.merchant.accounts, ())
        account = self.connected()
        self.assertIsNone(kept_key_record(digest))
        for _ in range(2):
            record = load_key_record(digest)
            assert record is not None
            self.assertEqual(
                [(card.id, card.version) for card in record.merchant.accounts], [(account.id, account.version)]
            )
            self.patch(f"{ACCOUNTS}{account.public_id}/", {"passkey": "another-passkey"}, self.headers)
            account.refresh_from_db()

    def test_a_card_in_the_cache_keeps_its_accounts(self) -> None:
        account = self.connected()
        _, clear = create_api_key(merchant_id=self.merchant.id, mode="test", name="Till", created_by="tests")
        self.get("merchant/", key_headers(clear))
        kept = kept_key_record(keyed_digest(clear))
        assert kept is not None
        self.assertEqual([card.id for card in kept.merchant.accounts], [account.id])
        headers = person_headers(self.owner)
        for _ in range(2):
            self.assertEqual(self.get(f"{ACCOUNTS}{account.public_id}/", headers).status_code, 200)
