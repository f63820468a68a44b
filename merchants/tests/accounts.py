"""What the tests of provider accounts share: a merchant with an owner who signs in, and a simulator to connect to."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.test import override_settings

from merchants.models import Merchant, ProviderAccount
from merchants.services.connections import connect_account
from merchants.services.provider_accounts import _provider
from merchants.tests.base import ApiCalls
from merchants.tests.factories import make_member, make_merchant, person_headers
from onpoint_pay.kit.caller import TEST, Caller, MerchantCard
from onpoint_pay.kit.ids import from_public
from tests.simulator_process import simulator

# The discard port: nothing of ours ever listens there.
NOBODY = "http://127.0.0.1:9"
ACCOUNTS = "provider-accounts/"
SECRETS = {
    "consumer_key": "consumer-key-of-the-shop",
    "consumer_secret": "consumer-secret-of-the-shop",
    "passkey": "passkey-of-the-shop",
    "initiator_password": "initiator-password-of-the-shop",
}
PAYBILL = {"name": "Duka Bora", "kind": "paybill", "shortcode": "600123", **SECRETS}
TILL = {"name": "Westlands", "kind": "till", "shortcode": "600124", "till": "5123456", **SECRETS}


def make_account(
    merchant: Merchant, *, mode: str = TEST, shortcode: str = "600123", environment: str | None = None, **more: Any
) -> ProviderAccount:
    """An account connected through the product; in test mode the simulator's unless told otherwise."""
    world = environment or ("simulator" if mode == TEST else "production")
    fields = {"provider": "daraja", "environment": world, "is_default": True} | PAYBILL | {"shortcode": shortcode}
    caller = Caller(merchant=MerchantCard(id=merchant.id, business_name=""), mode=mode, actor="tests", kind="user")
    return connect_account(caller, fields | more)


def account_of(answer: Any) -> ProviderAccount:
    """The row of an account in an answer."""
    return ProviderAccount.objects.get(id=from_public("prv", answer.json()["id"]))


@cache
def make_certificate(*, bits: int = 2048, days: int = 365) -> str:
    """A certificate of nobody as PEM, valid for `days` from now on, or until that long ago."""
    return _signed(rsa.generate_private_key(public_exponent=65537, key_size=bits), days)


@cache
def make_elliptic_certificate() -> str:
    return _signed(ec.generate_private_key(ec.SECP256R1()), 365)


def _signed(key: Any, days: int) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    end = datetime.now(UTC) + timedelta(days=days)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(end - timedelta(days=1000)).not_valid_after(end)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


class AccountCalls(ApiCalls):
    """A merchant whose owner calls the API, beside a simulator with an empty book that knows shortcode 600123."""

    merchant: Merchant
    headers: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()  # type: ignore[misc]
        settings = override_settings(SIMULATOR_URL=simulator().url, BASE_URL=NOBODY)
        cls.enterClassContext(settings)  # type: ignore[attr-defined]
        _provider.cache_clear()
        cls.addClassCleanup(_provider.cache_clear)  # type: ignore[attr-defined]

    def setUp(self) -> None:
        super().setUp()
        simulator().reset()
        self.know_shortcode()
        self.merchant = make_merchant("Duka Bora", live_enabled=True)
        self.owner = make_member(self.merchant)
        self.headers = person_headers(self.owner)

    def know_shortcode(self, shortcode: str = "600123", **more: Any) -> None:
        """The simulator serves this shortcode to the app of PAYBILL, with its passkey and API user."""
        known = {
            "shortcode": shortcode,
            "passkey": SECRETS["passkey"],
            "consumer_key": SECRETS["consumer_key"],
            "consumer_secret": SECRETS["consumer_secret"],
            "initiator": "shop-api",
            "initiator_password": SECRETS["initiator_password"],
            "c2b_version": None,
            "production": False,
            "register_answer": None,
        }
        simulator().call("POST", "shortcodes", known | more)
        simulator().call("DELETE", f"shortcodes/c2b-urls?shortcode={shortcode}")

    def connect(self, **fields: Any) -> Any:
        """The answer to connecting a simulated paybill; a field set to None is left out."""
        whole = PAYBILL | {"environment": "simulator"} | fields
        return self.post(ACCOUNTS, {name: value for name, value in whole.items() if value is not None}, self.headers)

    def connected(self, **fields: Any) -> ProviderAccount:
        answer = self.connect(**fields)
        self.assertEqual(answer.status_code, 201, answer.content)  # type: ignore[attr-defined]
        return account_of(answer)
