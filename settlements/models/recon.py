"""Reconciliation: files of providers and banks, their lines, what each line was matched to, and what does not fit."""

from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from onpoint_pay.kit.entries import ENTRY_KINDS
from settlements.models.ledger import LedgerTransfer, mode_is_known
from settlements.states import (
    RECON_EXCEPTION_KINDS,
    RECON_EXCEPTION_STATES,
    RECON_LINE_STATES,
    RECON_MATCH_STATES,
    RECON_SEVERITIES,
    RECON_SOURCES,
)

F, Q = models.F, models.Q


class ReconFile(KeyedModel):
    """One file, taken once for each account. `account` is `provider:shortcode`, or `bank:` and our name of the account.

    Balances in minor units, None where the file names none; so are `starts_at` and `ends_at`, the end excluded.
    """

    source = models.TextField()
    account = models.TextField()
    mode = models.CharField(max_length=4)
    currency = models.CharField(max_length=3)
    name = models.TextField()
    # What the file itself calls its account.
    told_account = models.TextField(default="", db_default="")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    opening = models.BigIntegerField(null=True)
    closing = models.BigIntegerField(null=True)
    lines = models.IntegerField(default=0)
    lines_new = models.IntegerField(default=0)
    lines_skipped = models.IntegerField(default=0)
    lines_unparsable = models.IntegerField(default=0)
    imported_by = models.TextField()
    imported_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "recon_file"
        constraints = [
            mode_is_known("recon_file_mode"),
            models.CheckConstraint(condition=Q(source__in=RECON_SOURCES), name="recon_file_source"),
            models.UniqueConstraint(fields=["account", "mode", "sha256"], name="recon_file_once"),
        ]


class ReconFilePart(models.Model):
    """The bytes of a file as it came, in compressed and sealed pieces."""

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(ReconFile, models.CASCADE, related_name="parts", db_index=False)
    number = models.IntegerField()
    body = models.BinaryField()

    class Meta:
        db_table = "recon_file_part"
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="recon_file_part_once")]


class ReconLine(models.Model):
    """One movement as the provider or bank tells of it; `amount` in minor units, `direction` seen from the account.

    `family` sets apart statements, which account for every movement, from lists of money received. `party` is a keyed
    digest. `nth` tells apart lines that a bank without balances writes twice. `batch` is the provider's name of the
    settlement that pays the line out, or, of a line of the kind `settlement`, its own.
    """

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(ReconFile, models.PROTECT, related_name="rows")
    line_no = models.IntegerField()
    account = models.TextField()
    mode = models.CharField(max_length=4)
    family = models.TextField()
    natural_key = models.BinaryField()
    nth = models.IntegerField()
    external_id = models.TextField()
    client_ref = models.TextField()
    linked_id = models.TextField()
    occurred_at = models.DateTimeField()
    value_date = models.DateField()
    direction = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    balance_after = models.BigIntegerField(null=True)
    kind = models.TextField()
    narrative = models.TextField()
    account_reference = models.TextField()
    party = models.TextField()
    batch = models.TextField(default="", db_default="")
    state = models.TextField(default="new")

    class Meta:
        db_table = "recon_line"
        constraints = [
            mode_is_known("recon_line_mode"),
            models.CheckConstraint(condition=Q(direction__in=("in", "out")), name="recon_line_direction"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="recon_line_amount"),
            models.CheckConstraint(condition=Q(kind__in=ENTRY_KINDS), name="recon_line_kind"),
            models.CheckConstraint(condition=Q(state__in=RECON_LINE_STATES), name="recon_line_state"),
            models.UniqueConstraint(fields=["account", "mode", "natural_key", "nth"], name="recon_line_once"),
        ]
        indexes = [
            models.Index(fields=["account", "mode", "external_id"], name="recon_line_by_id"),
            models.Index(fields=["account", "mode", "occurred_at"], name="recon_line_by_time"),
            models.Index(fields=["account", "mode", "batch"], condition=~Q(batch=""), name="recon_line_by_batch"),
            models.Index(
                fields=["account", "mode"], condition=~Q(state__in=("matched", "ignored")), name="recon_line_open"
            ),
        ]


class ReconMatch(models.Model):
    """What a line is: a payment, receipt, refund or payout of ours. `transfer` is what moved the account's balance.

    `state` is `confirmed`, or `proposed` until a person has looked; `rejected` ones are kept and not proposed again.
    """

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(ReconLine, models.PROTECT, related_name="matches", db_index=False)
    rule = models.TextField()
    object_type = models.TextField()
    object_id = models.UUIDField()
    transfer = models.ForeignKey(LedgerTransfer, models.PROTECT, null=True, related_name="+", db_index=False)
    state = models.TextField()
    family = models.TextField()
    decided_by = models.TextField(default="system")
    # Whether what the line knows better (a receipt) was told to what it is.
    is_taught = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "recon_match"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=RECON_MATCH_STATES), name="recon_match_state"),
            models.UniqueConstraint(fields=["line"], condition=~Q(state="rejected"), name="recon_match_line"),
            # One movement of ours is on a statement once.
            models.UniqueConstraint(
                fields=["object_type", "object_id", "family"],
                condition=~Q(state="rejected") & ~Q(object_type="bank_batch"),
                name="recon_match_object",
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(is_taught=False), name="recon_match_untaught")]


class ReconException(KeyedModel):
    """What does not fit. Closed by two people: one proposes how, another agrees; or by itself when it fits after all.

    `amount` in minor units is what it is about; `float_effect` by how much the ledger is above the provider because
    of it. `merchant` is the owner of the shortcode, None on one of the platform's. `posting` is what closing it posts.
    """

    objects = ScopedQuerySet.as_manager()

    kind = models.TextField()
    account = models.TextField()
    mode = models.CharField(max_length=4)
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, null=True, related_name="+", db_index=False)
    # What it is about, once: found again, it is the same exception.
    name = models.TextField(unique=True)
    file = models.ForeignKey(ReconFile, models.PROTECT, null=True, related_name="+", db_index=False)
    line = models.ForeignKey(ReconLine, models.PROTECT, null=True, related_name="exceptions")
    object_type = models.TextField(null=True)
    object_id = models.UUIDField(null=True)
    external_id = models.TextField(default="")
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    occurred_at = models.DateTimeField()
    float_effect = models.BigIntegerField()
    severity = models.TextField()
    owner = models.TextField()
    detail = models.JSONField()
    posting = models.JSONField()
    status = models.TextField(default="open")
    # A claim or answer of a provider that settled it; their table belongs to a room above.
    evidence_id = models.BigIntegerField(null=True)
    opened_at = models.DateTimeField(db_default=Now())
    told_at = models.DateTimeField(null=True)
    proposed_by = models.TextField(null=True)
    proposed_at = models.DateTimeField(null=True)
    resolution = models.TextField(null=True)
    will_post = models.BooleanField(default=False)
    closed_by = models.TextField(null=True)
    closed_at = models.DateTimeField(null=True)
    transfer = models.OneToOneField(LedgerTransfer, models.PROTECT, null=True, related_name="+")

    class Meta:
        db_table = "recon_exception"
        constraints = [
            mode_is_known("recon_exception_mode"),
            models.CheckConstraint(condition=Q(kind__in=RECON_EXCEPTION_KINDS), name="recon_exception_kind"),
            models.CheckConstraint(condition=Q(status__in=RECON_EXCEPTION_STATES), name="recon_exception_status"),
            models.CheckConstraint(condition=Q(severity__in=RECON_SEVERITIES), name="recon_exception_severity"),
            # Who proposed it does not close it; the system closes only what fits again.
            models.CheckConstraint(
                condition=~Q(status="closed")
                | Q(closed_by__isnull=False, closed_by="system", transfer__isnull=True)
                | (Q(closed_by__isnull=False, proposed_by__isnull=False) & ~Q(closed_by=F("proposed_by"))),
                name="recon_exception_two_people",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "mode", "status"], name="recon_exception_by_account"),
            models.Index(fields=["merchant", "mode", "-opened_at", "-id"], name="recon_exception_newest"),
            models.Index(
                fields=["object_id"],
                condition=Q(kind="missing_there") & ~Q(status="closed"),
                name="recon_exception_frozen",
            ),
        ]


class FloatProof(models.Model):
    """One account on one day: the ledger against the provider's own closing balance, in minor units.

    `gap` is ledger less provider; `parts` what explains it; `unexplained` what is left. Green when nothing is.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.TextField()
    mode = models.CharField(max_length=4)
    currency = models.CharField(max_length=3)
    day = models.DateField()
    ledger_balance = models.BigIntegerField()
    provider_balance = models.BigIntegerField(null=True)
    gap = models.BigIntegerField(null=True)
    unexplained = models.BigIntegerField(null=True)
    parts = models.JSONField()
    is_green = models.BooleanField()
    proved_at = models.DateTimeField()

    class Meta:
        db_table = "float_proof"
        constraints = [
            mode_is_known("float_proof_mode"),
            models.UniqueConstraint(fields=["account", "mode", "currency", "day"], name="float_proof_once"),
            models.CheckConstraint(
                condition=Q(is_green=False) | Q(unexplained=0, provider_balance__isnull=False), name="float_proof_green"
            ),
        ]
