"""Merchants, their people, their API keys and the answers kept for idempotent repeats."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from onpoint_pay.kit.caller import LIVE, TEST
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from onpoint_pay.kit.ids import to_public

MODE_CHOICES = [(TEST, TEST), (LIVE, LIVE)]


class Role(models.TextChoices):
    """What a person is at one merchant; the scopes of each are in permissions."""

    OWNER = "owner"
    ADMIN = "admin"
    FINANCE = "finance"
    DEVELOPER = "developer"
    SUPPORT = "support"
    VIEWER = "viewer"


# What a row says whose role is one of the merchant's own.
CUSTOM = "custom"


class Scope(models.TextChoices):
    """One thing a key or a role may do; a view names the one it needs."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    REFUNDS_READ = "refunds:read"
    REFUNDS_WRITE = "refunds:write"
    REFUNDS_APPROVE = "refunds:approve"
    PAYOUTS_READ = "payouts:read"
    PAYOUTS_WRITE = "payouts:write"
    PAYOUTS_APPROVE = "payouts:approve"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    CHECKOUT_WRITE = "checkout:write"
    LINKS_READ = "links:read"
    LINKS_WRITE = "links:write"
    INVOICES_READ = "invoices:read"
    INVOICES_WRITE = "invoices:write"
    C2B_READ = "c2b:read"
    C2B_WRITE = "c2b:write"
    DISPUTES_READ = "disputes:read"
    DISPUTES_WRITE = "disputes:write"
    BALANCE_READ = "balance:read"
    SETTLEMENTS_READ = "settlements:read"
    LEDGER_READ = "ledger:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    EVENTS_READ = "events:read"
    EXPORTS_WRITE = "exports:write"
    AUDIT_READ = "audit:read"
    KEYS_WRITE = "keys:write"
    TEST_WRITE = "test:write"


def default_fee_bps() -> int:
    return int(settings.DEFAULT_FEE_BPS)


def default_fee_flat() -> int:
    return int(settings.DEFAULT_FEE_FLAT)


def default_refund_limit() -> int | None:
    """Minor units; 0 in the setting means that no refund needs a second person."""
    return int(settings.REFUND_APPROVAL_ABOVE) or None


def one_of(field: str, values: list[str], name: str) -> models.CheckConstraint:
    """The database's own copy of an enumeration."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": values}), name=name)


def custom_only(name: str) -> models.CheckConstraint:
    """CUSTOM names a role of the merchant's own, and nothing else does."""
    return models.CheckConstraint(
        condition=models.Q(role=CUSTOM, custom_role__isnull=False)
        | (~models.Q(role=CUSTOM) & models.Q(custom_role=None)),
        name=name,
    )


class User(KeyedModel, AbstractBaseUser):
    """A person who signs in; what they may do is said by their memberships."""

    # Sign-ins are told by the audit trail.
    last_login = None  # type: ignore[assignment]

    email = models.EmailField(max_length=254)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    phone = models.CharField(max_length=12, blank=True, default="")
    is_active = models.BooleanField(default=True)
    # When somebody who reads its mailbox said so; live mode and the team need it.
    email_verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["first_name", "last_name"]

    objects = BaseUserManager["User"]()

    class Meta:
        db_table = "merchants_user"
        constraints = [
            models.UniqueConstraint(fields=["email"], name="user_email_once"),
            # One spelling per address, so that the unique index means one account per mailbox.
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower"),
        ]

    @property
    def public_id(self) -> str:
        return to_public("usr", self.id)


class Merchant(KeyedModel):
    """A business that takes payments. Fee in minor units; `fee_bps` in hundredths of a percent."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"

    class Kyc(models.TextChoices):
        UNVERIFIED = "unverified"
        PENDING = "pending"
        VERIFIED = "verified"
        REJECTED = "rejected"

    class ReferencePolicy(models.TextChoices):
        UNIQUE_UNLESS_FAILED = "unique_unless_failed"
        UNIQUE = "unique"
        ANY = "any"

    class ConfirmPolicy(models.TextChoices):
        """Whether a provider's word of success is asked back; `default`: always in live mode, never in test mode."""

        DEFAULT = "default"
        ALWAYS = "always"
        NEVER = "never"

    business_name = models.CharField(max_length=120)
    email = models.EmailField(max_length=254)
    phone = models.CharField(max_length=12, blank=True, default="")
    registration_number = models.CharField(max_length=40, blank=True, default="")
    kra_pin = models.CharField(max_length=11, blank=True, default="")
    address = models.CharField(max_length=255, blank=True, default="")
    business_type = models.CharField(max_length=60, blank=True, default="")
    website = models.CharField(max_length=255, blank=True, default="")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE)
    kyc_status = models.CharField(max_length=16, choices=Kyc.choices, default=Kyc.UNVERIFIED)
    live_enabled = models.BooleanField(default=False)
    reference_policy = models.CharField(
        max_length=24, choices=ReferencePolicy.choices, default=ReferencePolicy.UNIQUE_UNLESS_FAILED
    )
    confirm_policy = models.CharField(max_length=16, choices=ConfirmPolicy.choices, default=ConfirmPolicy.DEFAULT)
    fee_bps = models.IntegerField(default=default_fee_bps)
    fee_flat = models.BigIntegerField(default=default_fee_flat)
    # A refund of more waits for a second person; without it only those of people who may not approve do.
    refund_approval_above = models.BigIntegerField(null=True, blank=True, default=default_refund_limit)
    # Where its keys may be used from, in both modes, besides what each key says itself; empty for anywhere.
    allowed_ips = ArrayField(models.CharField(max_length=49), default=list, blank=True)
    created_at = models.DateTimeField(default=now)
    # When its account was closed; its papers are kept for seven years from then on.
    closed_at = models.DateTimeField(null=True, blank=True)
    version = models.IntegerField(default=1)

    class Meta:
        db_table = "merchants_merchant"
        constraints = [
            one_of("status", ["active", "suspended"], "merchant_status"),
            one_of("kyc_status", ["unverified", "pending", "verified", "rejected"], "merchant_kyc_status"),
            one_of("reference_policy", ["unique_unless_failed", "unique", "any"], "merchant_reference_policy"),
            one_of("confirm_policy", ["default", "always", "never"], "merchant_confirm_policy"),
            models.CheckConstraint(condition=models.Q(fee_bps__range=(0, 10_000)), name="merchant_fee_bps"),
            models.CheckConstraint(condition=models.Q(fee_flat__gte=0), name="merchant_fee_flat"),
            models.CheckConstraint(
                condition=models.Q(refund_approval_above__isnull=True) | models.Q(refund_approval_above__gte=0),
                name="merchant_refund_limit",
            ),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="merchant_version"),
            models.CheckConstraint(
                condition=models.Q(closed_at__isnull=True) | models.Q(status="suspended"), name="merchant_closed"
            ),
        ]

    @property
    def public_id(self) -> str:
        return to_public("mer", self.id)


class Membership(models.Model):
    """A person's place at a merchant. `role` is one of Role, or CUSTOM with the merchant's own in `custom_role`."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16)
    custom_role = models.ForeignKey("merchants.CustomRole", on_delete=models.PROTECT, null=True, related_name="+")
    # Public id of whoever gave the role; empty for the person who registered the merchant.
    added_by = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "merchants_membership"
        constraints = [
            models.UniqueConstraint(fields=["user", "merchant"], name="membership_once"),
            one_of("role", [*Role.values, CUSTOM], "membership_role"),
            custom_only("membership_custom_role"),
        ]

    @property
    def role_name(self) -> str:
        """As people give it: owner, or rol_…."""
        return self.role if self.custom_role_id is None else to_public("rol", self.custom_role_id)

    @property
    def public_id(self) -> str:
        return to_public("mbr", UUID(int=self.pk))


class ApiKey(KeyedModel):
    """A key of one merchant in one mode. Only its keyed digest is stored: the key itself is shown once."""

    class Kind(models.TextChoices):
        SECRET = "secret"  # noqa: S105 - a kind of key
        RESTRICTED = "restricted"
        # Stands in a browser: has no scopes, and reads what views call public.
        PUBLISHABLE = "publishable"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="api_keys")
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    name = models.CharField(max_length=80)
    digest = models.BinaryField(unique=True)
    prefix = models.CharField(max_length=16)
    last4 = models.CharField(max_length=4)
    scopes = ArrayField(models.CharField(max_length=32))
    # Addresses and CIDR networks; empty lets every address in.
    allowed_ips = ArrayField(models.CharField(max_length=49), default=list, blank=True)
    # Whose pages may use a publishable key, such as https://shop.example; empty lets every page.
    allowed_origins = ArrayField(models.CharField(max_length=260), default=list, blank=True)
    created_by = models.TextField()
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    # The IPv4 address, or the /64 around an IPv6 address.
    last_used_place = models.CharField(max_length=49, blank=True, default="")
    revoked_at = models.DateTimeField(null=True, blank=True)
    # The key that replaces it, and until when both work.
    rotated_to = models.UUIDField(null=True, blank=True)
    overlap_ends_at = models.DateTimeField(null=True, blank=True)
    # When somebody who held it said that it has leaked.
    reported_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "merchants_api_key"
        indexes = [models.Index(fields=["merchant", "mode", "-id"], name="api_key_list")]
        constraints = [
            one_of("mode", [TEST, LIVE], "api_key_mode"),
            one_of("kind", ["secret", "restricted", "publishable"], "api_key_kind"),
            models.CheckConstraint(
                condition=~models.Q(kind="publishable") | models.Q(scopes=[]), name="api_key_publishable_bare"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="publishable") | models.Q(allowed_origins=[]), name="api_key_origins_of_pages"
            ),
            models.CheckConstraint(
                condition=models.Q(rotated_to__isnull=True, overlap_ends_at__isnull=True)
                | models.Q(rotated_to__isnull=False, overlap_ends_at__isnull=False),
                name="api_key_rotation_whole",
            ),
            models.CheckConstraint(condition=models.Q(scopes__contained_by=Scope.values), name="api_key_scopes"),
            models.CheckConstraint(
                condition=models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=models.F("created_at")),
                name="api_key_expires_later",
            ),
        ]

    @property
    def public_id(self) -> str:
        return to_public("key", self.id)

    @property
    def livemode(self) -> bool:
        return self.mode == LIVE


class IdempotencyKey(models.Model):
    """One operation a merchant named itself. `claimed` is at work until `lease_until`; `answered` holds its answer.

    `body` is the JSON answer, sealed when it shows a secret. `object_id` is what the operation made, for flows that
    can continue after a crash.
    """

    class Phase(models.TextChoices):
        CLAIMED = "claimed"
        ANSWERED = "answered"

    # No foreign key: the row lives for days, is written on every payment, and dies by age.
    merchant_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    request_id = models.CharField(max_length=64)
    phase = models.CharField(max_length=16, choices=Phase.choices, db_default=Phase.CLAIMED)
    object_id = models.UUIDField(null=True, blank=True)
    status = models.SmallIntegerField(null=True, blank=True)
    body = models.TextField(null=True, blank=True)
    lease_until = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "merchants_idempotency_key"
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]
        constraints = [
            models.UniqueConstraint(fields=["merchant_id", "mode", "key"], name="idempotency_key_once"),
            one_of("mode", [TEST, LIVE], "idempotency_key_mode"),
            models.CheckConstraint(
                condition=models.Q(fingerprint__regex="^[0-9a-f]{64}$"), name="idempotency_key_fingerprint"
            ),
            models.CheckConstraint(
                condition=models.Q(phase="claimed", status=None, body=None)
                | models.Q(phase="answered", status__range=(100, 599), body__isnull=False),
                name="idempotency_key_answer",
            ),
        ]
