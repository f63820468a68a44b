"""A merchant's, or the platform's, account at a provider: whose shortcode, and with what credentials."""

from hashlib import sha256

import orjson
from django.db import models
from django.db.models.functions import Now

from merchants.models.merchants import MODE_CHOICES, Merchant, one_of
from onpoint_pay.kit.caller import LIVE, TEST
from onpoint_pay.kit.crypto import seal, unseal
from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from onpoint_pay.kit.ids import to_public

Q = models.Q


class ProviderAccount(KeyedModel):
    """One shortcode. `merchant` None is the platform's own, whose credentials are settings.

    For a till, `shortcode` is the store or head-office number that went live and `till` the number that is paid.
    `secrets` is one sealed JSON object: consumer key and secret, passkey, API user's password or finished credential,
    and the phone that is registered for the provider's list of money received.
    """

    class Kind(models.TextChoices):
        PAYBILL = "paybill"
        TILL = "till"

    class Environment(models.TextChoices):
        SIMULATOR = "simulator"
        SANDBOX = "sandbox"
        PRODUCTION = "production"

    class Silence(models.TextChoices):
        """What becomes of a payer's wish to pay when it cannot be checked in time."""

        ACCEPT = "accept"
        REJECT = "reject"

    merchant = models.ForeignKey(
        Merchant, on_delete=models.PROTECT, null=True, related_name="provider_accounts", db_index=False
    )
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    provider = models.TextField()
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    environment = models.CharField(max_length=12, choices=Environment.choices)
    shortcode = models.CharField(max_length=12)
    till = models.CharField(max_length=12, null=True)
    secrets = models.TextField(null=True)
    consumer_key_last4 = models.CharField(max_length=4, blank=True, default="")
    initiator_name = models.CharField(max_length=80, blank=True, default="")
    certificate = models.TextField(blank=True, default="")
    c2b_version = models.CharField(max_length=2, default="v2")
    validation_default = models.CharField(max_length=8, choices=Silence.choices, default=Silence.ACCEPT)
    partial_reversals = models.BooleanField(default=False)
    # The secret part of the addresses registered for money that payers send by themselves.
    hook_token = models.TextField()
    hook_token_hash = models.BinaryField(unique=True)
    is_default = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)
    urls_registered_at = models.DateTimeField(null=True)
    pull_registered_at = models.DateTimeField(null=True)
    # Everything the provider's list tells up to here has been read.
    pulled_until = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    check_report = models.JSONField(null=True)
    created_by = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    version = models.IntegerField(default=1)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "merchants_provider_account"
        constraints = [
            one_of("mode", [TEST, LIVE], "provider_account_mode"),
            one_of("kind", ["paybill", "till"], "provider_account_kind"),
            one_of("environment", ["simulator", "sandbox", "production"], "provider_account_environment"),
            one_of("c2b_version", ["v1", "v2"], "provider_account_c2b_version"),
            models.CheckConstraint(
                condition=Q(kind="till", till__isnull=False) | Q(kind="paybill", till__isnull=True),
                name="provider_account_till",
            ),
            # Real money never meets the simulator, and play money never a real shortcode.
            models.CheckConstraint(
                condition=Q(mode=LIVE, environment="production")
                | Q(mode=TEST, environment__in=["simulator", "sandbox"]),
                name="provider_account_world",
            ),
            # A shortcode has one owner: otherwise nobody could say whose money reached it. The simulator's are no
            # business of the sandbox, which gives everybody the same number.
            models.UniqueConstraint(
                fields=["provider", "mode", "environment", "shortcode", "till"],
                condition=Q(is_active=True),
                nulls_distinct=False,
                name="provider_account_owner",
            ),
            models.UniqueConstraint(
                fields=["merchant", "mode", "provider"],
                condition=Q(is_default=True, is_active=True),
                nulls_distinct=False,
                name="provider_account_default",
            ),
        ]

    @property
    def public_id(self) -> str:
        return to_public("prv", self.id)

    @property
    def livemode(self) -> bool:
        return self.mode == LIVE

    @property
    def is_simulated(self) -> bool:
        return self.environment == self.Environment.SIMULATOR

    @property
    def accepts_when_silent(self) -> bool:
        return self.validation_default == self.Silence.ACCEPT

    def open_secrets(self) -> dict[str, str]:
        """What is sealed, by name; nothing for the platform's own. Raises CannotOpen for another row's text."""
        if self.secrets is None:
            return {}
        opened = unseal(self.secrets, bound_to=self._place("secrets"), merchant_id=self.merchant_id)
        secrets: dict[str, str] = orjson.loads(opened)
        return secrets

    def put_secrets(self, secrets: dict[str, str]) -> None:
        """Seal these, and only these, into the row, which is left to be saved."""
        plain = orjson.dumps(secrets).decode()
        self.secrets = seal(plain, bound_to=self._place("secrets"), merchant_id=self.merchant_id)
        self.consumer_key_last4 = secrets.get("consumer_key", "")[-4:]

    def open_hook_token(self) -> str:
        """The secret part of the registered addresses. Raises CannotOpen for another row's text."""
        return unseal(self.hook_token, bound_to=self._place("hook_token"), merchant_id=self.merchant_id)

    def put_hook_token(self, token: str) -> None:
        """Seal the token, and keep the digest that callbacks are recognised by; the row is left to be saved."""
        self.hook_token = seal(token, bound_to=self._place("hook_token"), merchant_id=self.merchant_id)
        self.hook_token_hash = sha256(token.encode()).digest()

    def _place(self, column: str) -> str:
        """Where a sealed text belongs: anywhere else it does not open."""
        return f"merchants_provider_account.{column}.{self.id}"
