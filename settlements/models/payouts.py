"""Money on its way out: payouts, where they go, who must agree, and the files that people take to a bank."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from settlements.models.ledger import mode_is_known
from settlements.states import (
    BATCH_STATES,
    DESTINATION_STATES,
    DESTINATION_TYPES,
    PAYOUT_OPEN,
    PAYOUT_PENDING_REASONS,
    PAYOUT_PURPOSES,
    PAYOUT_ROUTES,
    PAYOUT_STATES,
)

F, Q = models.F, models.Q


class PayoutDestination(KeyedModel):
    """Where a merchant sends money. What names a person is sealed; `shown` is what lists and events may show.

    Before `usable_from` a second person must agree to each payout to it. It is never changed, only deleted.
    """

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    type = models.TextField()
    label = models.CharField(max_length=80)
    sealed = models.TextField()
    shown = models.JSONField()
    digest = models.BinaryField()
    status = models.TextField()
    created_by = models.TextField()
    created_at = models.DateTimeField()
    usable_from = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payout_destination"
        constraints = [
            mode_is_known("payout_destination_mode"),
            models.CheckConstraint(condition=Q(type__in=DESTINATION_TYPES), name="payout_destination_type"),
            models.CheckConstraint(condition=Q(status__in=DESTINATION_STATES), name="payout_destination_status"),
            models.UniqueConstraint(
                fields=["merchant", "mode", "digest"], condition=Q(status="active"), name="payout_destination_once"
            ),
        ]
        indexes = [models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="payout_destination_newest")]


class PayoutPolicy(models.Model):
    """What the operator has set for one merchant, in minor units; None stands for the installation's setting."""

    merchant = models.OneToOneField("merchants.Merchant", models.PROTECT, primary_key=True, related_name="+")
    approval_above = models.BigIntegerField(null=True)
    largest = models.BigIntegerField(null=True)
    per_day = models.BigIntegerField(null=True)
    changed_by = models.TextField()
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "payout_policy"


class PayoutBatch(KeyedModel):
    """Payouts that were asked for together and are approved together. `makers`: who may not approve it."""

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    description = models.TextField()
    status = models.TextField()
    lines = models.IntegerField()
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    approval_reasons = ArrayField(models.TextField())
    requested_by = models.TextField()
    makers = ArrayField(models.TextField())
    approved_by = models.TextField(null=True)
    # Empty: the guard of moves looks for it on every table that it guards.
    evidence_id = models.BigIntegerField(null=True)
    request_id = models.TextField(null=True)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    version = models.IntegerField()

    class Meta:
        db_table = "payout_batch"
        constraints = [
            mode_is_known("payout_batch_mode"),
            models.CheckConstraint(condition=Q(status__in=BATCH_STATES), name="payout_batch_status"),
        ]
        indexes = [models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="payout_batch_newest")]


class Payout(KeyedModel):
    """Money of a merchant's balance sent somewhere; minor units.

    `paid` has left and was confirmed, `released` did not leave and went back to the balance, `given_back` was confirmed
    and came back later. What is neither paid nor released is held in the ledger.
    """

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    # Ours, and unique everywhere: the provider knows each try by it.
    reference = models.TextField(unique=True)
    merchant_reference = models.TextField(null=True)
    batch = models.ForeignKey(PayoutBatch, models.PROTECT, null=True, related_name="payouts")
    line = models.IntegerField(null=True)
    # The payout of which no money arrived, or came back, and that this one was asked for in place of.
    retry_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="retries", db_index=False)
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    paid = models.BigIntegerField(default=0)
    released = models.BigIntegerField(default=0)
    given_back = models.BigIntegerField(default=0)
    # As it was when it was asked for: the row it was copied from may be gone since.
    destination = models.JSONField()
    destination_sealed = models.TextField()
    destination_row = models.ForeignKey(
        PayoutDestination, models.PROTECT, null=True, related_name="+", db_column="destination_id", db_index=False
    )
    route = models.TextField()
    provider = models.TextField()
    provider_account = models.ForeignKey(
        "merchants.ProviderAccount", models.PROTECT, null=True, related_name="+", db_index=False
    )
    # The float `provider:shortcode` or the bank account it leaves from.
    paid_from = models.TextField()
    reason = models.TextField()
    purpose = models.TextField()
    status = models.TextField()
    pending_reason = models.TextField(null=True)
    approval_reasons = ArrayField(models.TextField())
    failure = models.JSONField(null=True)
    receipt = models.TextField(null=True)
    # A claim or answer of a provider, whose table belongs to a room above: its foreign key is made there.
    evidence_id = models.BigIntegerField(null=True)
    requested_by = models.TextField()
    makers = ArrayField(models.TextField())
    approved_by = models.TextField(null=True)
    request_id = models.TextField(null=True)
    created_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    version = models.IntegerField()

    class Meta:
        db_table = "payouts"
        constraints = [
            mode_is_known("payouts_mode"),
            models.CheckConstraint(condition=Q(amount__gt=0) & Q(fee__gte=0), name="payouts_amount"),
            models.CheckConstraint(condition=Q(status__in=PAYOUT_STATES), name="payouts_status"),
            models.CheckConstraint(condition=Q(route__in=PAYOUT_ROUTES), name="payouts_route"),
            models.CheckConstraint(condition=Q(purpose__in=PAYOUT_PURPOSES), name="payouts_purpose"),
            models.CheckConstraint(
                condition=Q(pending_reason__isnull=True)
                | Q(status="pending", pending_reason__in=PAYOUT_PENDING_REASONS),
                name="payouts_pending_reason",
            ),
            models.CheckConstraint(
                condition=Q(paid__gte=0, released__gte=0, given_back__gte=0, given_back__lte=F("paid"))
                & Q(amount__gte=F("paid") + F("released")),
                name="payouts_sums",
            ),
            models.CheckConstraint(
                condition=Q(status__in=PAYOUT_OPEN)
                | Q(status__in=("completed", "returned"), paid=F("amount"))
                | Q(status__in=("failed", "cancelled"), released__gt=0, amount=F("paid") + F("released")),
                name="payouts_closed",
            ),
            models.UniqueConstraint(
                fields=["merchant", "mode", "merchant_reference"],
                condition=Q(merchant_reference__isnull=False) & ~Q(status__in=("failed", "cancelled", "returned")),
                name="payouts_live_reference",
            ),
            # Asked for again once: of a retry that failed too, the next is a retry of that one.
            models.UniqueConstraint(
                fields=["retry_of"],
                condition=Q(retry_of__isnull=False) & ~Q(status="cancelled"),
                name="payouts_one_retry",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="payouts_newest"),
            models.Index(fields=["created_at"], condition=Q(pending_reason="queued"), name="payouts_queued"),
        ]


class BankFile(KeyedModel):
    """What was handed to a bank, or to whoever keys it into a provider's portal, for one account and day. Frozen.

    `sha256` is of the bytes as they were exported; they are kept sealed, because they name people.
    """

    route = models.TextField()
    account = models.TextField()
    mode = models.CharField(max_length=4)
    day = models.DateField()
    number = models.IntegerField()
    lines = models.IntegerField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    sha256 = models.CharField(max_length=64)
    sealed = models.TextField()
    exported_by = models.TextField()
    exported_at = models.DateTimeField()

    class Meta:
        db_table = "bank_file"
        constraints = [
            mode_is_known("bank_file_mode"),
            models.UniqueConstraint(fields=["route", "account", "mode", "day"], name="bank_file_one_a_day"),
            models.UniqueConstraint(fields=["route", "account", "mode", "number"], name="bank_file_number"),
        ]


class BankResult(models.Model):
    """A file of results that was read in, by its SHA-256: the same one does nothing a second time."""

    id = models.BigAutoField(primary_key=True)
    mode = models.CharField(max_length=4)
    sha256 = models.CharField(max_length=64)
    sealed = models.TextField()
    imported_by = models.TextField()
    imported_at = models.DateTimeField()

    class Meta:
        db_table = "bank_result"
        constraints = [
            mode_is_known("bank_result_mode"),
            models.UniqueConstraint(fields=["mode", "sha256"], name="bank_result_once"),
        ]
