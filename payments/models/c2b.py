"""Money payers send by themselves: the accounts they type, the receipts that came, and what was learned from people."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from payments.models.events import ProviderEvent
from payments.models.payments import Payment
from payments.states import C2B_SOURCES, C2B_STATES, CLAIM_STATES, VERIFICATIONS

Q = models.Q


class C2bAccount(KeyedModel):
    """What a payer types as account number. `folded` is the code without case, spaces and confusable letters."""

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    provider = models.TextField()
    shortcode = models.TextField()
    code = models.CharField(max_length=20)
    folded = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    customer = models.TextField(null=True)
    phone = models.TextField(null=True)
    expected_amount = models.BigIntegerField(null=True)
    aliases = ArrayField(models.CharField(max_length=20), default=list)
    # Every form a slip of one character can give to the code or an alias: found by index, not by reading all accounts.
    search_keys = ArrayField(models.CharField(max_length=24))
    is_open = models.BooleanField()
    expires_at = models.DateTimeField(null=True)
    created_by = models.TextField()
    created_at = models.DateTimeField()
    version = models.IntegerField()

    class Meta:
        db_table = "c2b_account"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="c2b_account_mode"),
            models.CheckConstraint(
                condition=Q(expected_amount__isnull=True) | Q(expected_amount__gt=0), name="c2b_account_amount"
            ),
            # On one shortcode a code is one merchant's, also where several share it.
            models.UniqueConstraint(fields=["provider", "mode", "shortcode", "folded"], name="c2b_account_code"),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="c2b_account_newest"),
            GinIndex(fields=["search_keys"], name="c2b_account_search"),
        ]


class C2bReceipt(KeyedModel):
    """One receipt of the network: money that reached a shortcode. Booked when it is stored, to whomever it belongs."""

    objects = ScopedQuerySet.as_manager()

    provider = models.TextField()
    mode = models.CharField(max_length=4)
    provider_account = models.ForeignKey(
        "merchants.ProviderAccount", models.PROTECT, null=True, related_name="+", db_index=False
    )
    # None: a shortcode several merchants share, and nobody knows yet whose it is.
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, null=True, related_name="+", db_index=False)
    receipt = models.TextField()
    shortcode = models.TextField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    bill_ref = models.TextField()
    phone = models.TextField(null=True)
    phone_hash = models.TextField(null=True)
    phone_masked = models.TextField(null=True)
    payer_name = models.TextField(null=True)
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    source = models.TextField()
    evidence = models.ForeignKey(ProviderEvent, models.PROTECT, null=True, related_name="+", db_index=False)
    float_after = models.BigIntegerField(null=True)
    verification = models.TextField()
    verified_by = models.TextField(null=True)
    state = models.TextField()
    account = models.ForeignKey(C2bAccount, models.PROTECT, null=True, related_name="receipts")
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="c2b_receipts")
    rule = models.TextField(null=True)
    score = models.DecimalField(max_digits=3, decimal_places=2, null=True)
    reason = models.TextField(null=True)
    reason_sw = models.TextField(null=True)
    decided_by = models.TextField(null=True)
    suggestions = models.JSONField(default=list)
    # The booking to suspense; None when another door had booked this money already.
    suspense_transfer = models.OneToOneField("settlements.LedgerTransfer", models.PROTECT, null=True, related_name="+")
    version = models.IntegerField()

    class Meta:
        db_table = "c2b_receipt"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="c2b_receipt_mode"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="c2b_receipt_amount"),
            models.CheckConstraint(condition=Q(source__in=C2B_SOURCES), name="c2b_receipt_source"),
            models.CheckConstraint(condition=Q(state__in=C2B_STATES), name="c2b_receipt_state"),
            models.CheckConstraint(condition=Q(verification__in=VERIFICATIONS), name="c2b_receipt_verification"),
            models.CheckConstraint(
                condition=(Q(state="matched") & Q(payment__isnull=False))
                | (~Q(state="matched") & Q(payment__isnull=True)),
                name="c2b_receipt_matched",
            ),
            models.UniqueConstraint(fields=["provider", "mode", "receipt"], name="c2b_receipt_once"),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-received_at", "-id"], name="c2b_receipt_newest"),
            models.Index(
                fields=["provider", "mode", "received_at"],
                condition=Q(verification="pending"),
                name="c2b_receipt_unverified",
            ),
        ]


class C2bAlias(models.Model):
    """A person once matched this text of this payer to this account: next time it is known."""

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    folded = models.TextField()
    payer_key = models.TextField()
    account = models.ForeignKey(C2bAccount, models.PROTECT, related_name="learned")
    created_by = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "c2b_alias"
        constraints = [
            models.UniqueConstraint(fields=["merchant", "mode", "folded", "payer_key"], name="c2b_alias_once"),
        ]


class C2bClaim(KeyedModel):
    """Somebody says that a receipt is theirs: looked up here, then at the provider. A receipt serves one claim."""

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    provider = models.TextField()
    receipt = models.TextField()
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="+")
    account = models.ForeignKey(C2bAccount, models.PROTECT, null=True, related_name="+")
    c2b_receipt = models.ForeignKey(C2bReceipt, models.PROTECT, null=True, related_name="+")
    status = models.TextField()
    reason = models.TextField(null=True)
    created_by = models.TextField()
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    version = models.IntegerField()

    class Meta:
        db_table = "c2b_claim"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="c2b_claim_mode"),
            models.CheckConstraint(condition=Q(status__in=CLAIM_STATES), name="c2b_claim_status"),
            models.UniqueConstraint(
                fields=["provider", "mode", "receipt"], condition=Q(status="accepted"), name="c2b_claim_once"
            ),
            # Who waits for an answer must not keep the true owner from asking.
            models.UniqueConstraint(
                fields=["merchant", "mode", "provider", "receipt"],
                condition=Q(status="pending"),
                name="c2b_claim_pending",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="c2b_claim_newest"),
            models.Index(
                fields=["provider", "mode", "receipt"], condition=Q(status="pending"), name="c2b_claim_waiting"
            ),
        ]
