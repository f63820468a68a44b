"""Payments: money a payer was asked for, or sent by themselves."""

from uuid import UUID

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Lower

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from payments.models.events import ProviderEvent
from payments.states import CLOSED_UNPAID, PAID, PAYMENT_STATES, PENDING_REASONS

Q = models.Q
REFERENCE_POLICIES = ("unique_unless_failed", "unique", "any")


class Payment(KeyedModel):
    """Money a payer was asked for. Amounts are minor units; `fee` is frozen when the payment is made."""

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    reference = models.TextField(unique=True)
    merchant_reference = models.TextField(null=True)
    reference_policy = models.TextField()
    # What stands on the payer's statement: ours alone, so that a statement line finds its payment.
    account_reference = models.CharField(max_length=12, unique=True)
    shown_reference = models.CharField(max_length=12, null=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    fee = models.BigIntegerField()
    tax = models.BigIntegerField()
    # The version of the fee plan that said so; none where the merchant's own fee did.
    fee_version = models.ForeignKey(
        "settlements.FeePlanVersion", models.PROTECT, null=True, related_name="+", db_index=False
    )
    captured = models.BigIntegerField()
    refund_held = models.BigIntegerField()
    refunded = models.BigIntegerField()
    payment_method = models.TextField()
    channel = models.TextField()
    provider = models.TextField()
    # Whose credentials: the merchant's own account at the provider; without one, the platform's.
    provider_account = models.ForeignKey(
        "merchants.ProviderAccount", models.PROTECT, null=True, related_name="+", db_index=False
    )
    shortcode = models.TextField()
    simulated = models.BooleanField()
    status = models.TextField()
    pending_reason = models.TextField(null=True)
    failure = models.JSONField(null=True)
    evidence = models.ForeignKey(ProviderEvent, models.PROTECT, null=True, related_name="+", db_index=False)
    provider_reference = models.TextField(null=True)
    provider_details = models.JSONField()
    receipt = models.TextField(null=True)
    confirmed_by = models.TextField(null=True)
    capture_transfer = models.OneToOneField("settlements.LedgerTransfer", models.PROTECT, null=True, related_name="+")
    surplus = models.BooleanField()
    late = models.BooleanField()
    amount_check = models.TextField()
    attempts = models.SmallIntegerField()
    phone = models.TextField(null=True)
    # Of a payer who is known only so: SHA-256 of the number, lower-case hex.
    phone_hash = models.TextField(null=True)
    payer_name = models.TextField(null=True)
    email = models.TextField(null=True)
    # Keyed digests of phone and e-mail address that were forgotten, hex: the same payer is still the same.
    phone_digest = models.TextField(null=True)
    email_digest = models.TextField(null=True)
    description = models.TextField(null=True)
    customer_message = models.TextField(null=True)
    language = models.CharField(max_length=2)
    metadata = models.JSONField()
    callback_url = models.TextField(null=True)
    callback_endpoint = models.UUIDField(null=True)
    request_id = models.TextField(null=True)
    idempotency_key = models.TextField(null=True)
    created_by = models.TextField()
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    # The merchant has called it off. A prompt that is out cannot be recalled, so the provider's word is still awaited.
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.TextField(null=True)
    version = models.IntegerField()

    # No column: whoever finds payments to show them says which settlement the capture stands in.
    settlement_id: UUID | None = None

    class Meta:
        db_table = "transactions"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="transactions_mode"),
            models.CheckConstraint(condition=Q(status__in=PAYMENT_STATES), name="transactions_status"),
            models.CheckConstraint(
                condition=Q(pending_reason__isnull=True) | Q(status="pending", pending_reason__in=PENDING_REASONS),
                name="transactions_pending_reason",
            ),
            models.CheckConstraint(
                condition=Q(reference_policy__in=REFERENCE_POLICIES), name="transactions_reference_policy"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="transactions_amount"),
            models.CheckConstraint(
                condition=Q(fee__gte=0, tax__gte=0, amount__gte=models.F("fee") + models.F("tax")),
                name="transactions_fee",
            ),
            models.CheckConstraint(
                condition=Q(captured=0) | Q(captured=models.F("amount")), name="transactions_captured"
            ),
            models.CheckConstraint(
                condition=Q(
                    refund_held__gte=0,
                    refunded__gte=0,
                    captured__gte=models.F("refund_held") + models.F("refunded"),
                ),
                name="transactions_refund_cap",
            ),
            models.CheckConstraint(
                condition=Q(status__in=PAID, captured__gt=0, capture_transfer__isnull=False)
                | (~Q(status__in=PAID) & Q(captured=0, capture_transfer__isnull=True)),
                name="transactions_completed",
            ),
            models.CheckConstraint(
                condition=Q(amount_check__in=("exact", "under", "over")), name="transactions_amount_check"
            ),
            models.UniqueConstraint(
                fields=["provider", "mode", "receipt"],
                condition=Q(receipt__isnull=False),
                name="transactions_receipt",
            ),
            models.UniqueConstraint(
                fields=["merchant", "mode", "merchant_reference"],
                condition=~Q(status__in=CLOSED_UNPAID) & Q(surplus=False) & ~Q(reference_policy="any"),
                name="transactions_live_reference",
            ),
            models.UniqueConstraint(
                fields=["merchant", "mode", "merchant_reference"],
                condition=Q(reference_policy="unique"),
                name="transactions_unique_reference",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="transactions_newest"),
            models.Index(fields=["merchant", "mode", "status", "-created_at", "-id"], name="transactions_by_status"),
            models.Index(fields=["merchant", "mode", "merchant_reference"], name="transactions_by_reference"),
            models.Index(
                fields=["merchant", "mode", "shown_reference"],
                condition=Q(shown_reference__isnull=False),
                name="transactions_by_shown",
            ),
            models.Index(
                fields=["merchant", "mode", "phone", "-created_at"],
                condition=Q(phone__isnull=False),
                name="transactions_by_phone",
            ),
            models.Index(
                models.F("merchant"), Lower("email"), condition=Q(email__isnull=False), name="transactions_by_email"
            ),
            models.Index(
                fields=["merchant", "phone_hash"], condition=Q(phone_hash__isnull=False), name="transactions_by_hash"
            ),
            models.Index(
                fields=["merchant", "mode", "provider_reference"],
                condition=Q(provider_reference__isnull=False),
                name="transactions_by_provider",
            ),
            # What limits of a day ask besides what was asked for in it: few rows.
            models.Index(
                fields=["merchant", "mode", "created_at"], condition=Q(attempts__gt=1), name="transactions_again"
            ),
            # What money that payers send by themselves may be for: few rows at any time.
            models.Index(
                fields=["provider", "mode", "shortcode", "amount"],
                condition=Q(status__in=("initiated", "pending")),
                name="transactions_awaited",
            ),
            models.Index(
                fields=["provider", "mode", "shortcode", "amount"],
                condition=Q(status="completed", receipt__isnull=True),
                name="transactions_receiptless",
            ),
            GinIndex(fields=["metadata"], opclasses=["jsonb_path_ops"], name="transactions_metadata"),
        ]

    @property
    def ended_in_silence(self) -> bool:
        """It closed because the provider had no result for an hour, not because it said no."""
        failure = self.failure or {}
        return failure.get("code") == "prompt_expired" and failure.get("provider_code") is None

    @property
    def ended_by_an_answer(self) -> bool:
        """It closed unpaid because the provider said no when it was asked."""
        is_closed = self.status in CLOSED_UNPAID and not self.ended_in_silence
        return is_closed and self.evidence is not None and self.evidence.door == "query"

    @property
    def is_safe_to_retry(self) -> bool:
        """A new try cannot charge twice: the provider said no. A prompt that only ran out may still be paid late."""
        return self.status in CLOSED_UNPAID and not self.ended_in_silence
