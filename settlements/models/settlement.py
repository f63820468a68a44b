"""Settlement: when a merchant's pending money falls due, the batches it fell due in, and what each day came to."""

from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from settlements.models.ledger import LedgerAccount, LedgerTransfer, mode_is_known
from settlements.states import LINE_KINDS, SCHEDULES, SETTLEMENT_STATES, SETTLEMENT_UNRELEASED

Q = models.Q


class SettlementProfile(models.Model):
    """How one merchant is settled; without a row, as the installation's settings say. Every change is audited.

    `delays` is in business days by class of method (`mobile`, `card`), `reserve_bps` of each release is kept back for
    `reserve_days`. With `hold` money falls due and is not paid out.
    """

    merchant = models.OneToOneField("merchants.Merchant", models.PROTECT, primary_key=True, related_name="+")
    schedule = models.TextField(default="daily")
    weekday = models.SmallIntegerField(default=0)
    month_day = models.SmallIntegerField(default=1)
    delays = models.JSONField(default=dict)
    reserve_bps = models.IntegerField(default=0)
    reserve_days = models.IntegerField(default=0)
    minimum = models.BigIntegerField(null=True)
    # A kept payout destination of the merchant's in live mode; without one nothing is paid out by itself.
    destination_id = models.UUIDField(null=True)
    # When payouts were last sent elsewhere than before.
    destination_since = models.DateTimeField(null=True)
    hold = models.BooleanField(default=False)
    hold_reason = models.TextField(default="")
    version = models.IntegerField(default=1)

    class Meta:
        db_table = "merchant_settlement_profile"
        constraints = [
            models.CheckConstraint(condition=Q(schedule__in=SCHEDULES), name="settlement_profile_schedule"),
            models.CheckConstraint(
                condition=Q(weekday__range=(0, 6), month_day__range=(1, 28)), name="settlement_profile_day"
            ),
            models.CheckConstraint(
                condition=Q(reserve_bps__range=(0, 10_000), reserve_days__range=(0, 730))
                & (Q(reserve_bps=0) | Q(reserve_days__gt=0)),
                name="settlement_profile_reserve",
            ),
            models.CheckConstraint(
                condition=Q(minimum__isnull=True) | Q(minimum__gte=0), name="settlement_profile_minimum"
            ),
            models.CheckConstraint(condition=Q(hold=False) | ~Q(hold_reason=""), name="settlement_profile_hold"),
        ]


class BusinessHoliday(models.Model):
    """A day on which nothing is settled, besides weekends and the holidays that `settlements.schedule` can compute.

    With `is_off` False one of those is a business day all the same.
    """

    day = models.DateField(primary_key=True)
    name = models.TextField()
    is_off = models.BooleanField(default=True)

    class Meta:
        # Part of the schema rather than data: emptying the database for a test must leave it.
        managed = False
        db_table = "business_holiday"


class Settlement(KeyedModel):
    """What fell due to one merchant by the end of one day in Nairobi. Amounts in minor units.

    `total` is released from pending; it is split into `debt` (owed to us), `reserve` and `available`. `returned` is an
    earlier reserve that came due. `hold_reason` says why it goes no further.
    """

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    currency = models.CharField(max_length=3)
    day = models.DateField()
    status = models.TextField()
    # Guarded like everything with states; none of its moves needs evidence of its own.
    evidence_id = models.BigIntegerField(null=True)
    gross = models.BigIntegerField(default=0)
    fee = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    reserve = models.BigIntegerField(default=0)
    available = models.BigIntegerField(default=0)
    returned = models.BigIntegerField(default=0)
    reserve_due = models.DateField(null=True)
    reserve_transfer = models.OneToOneField(LedgerTransfer, models.PROTECT, null=True, related_name="+")
    release_transfer = models.OneToOneField(LedgerTransfer, models.PROTECT, null=True, related_name="+")
    hold_reason = models.TextField(default="")
    payout_id = models.UUIDField(null=True)
    paid_proof = models.TextField(default="")
    created_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)

    class Meta:
        db_table = "settlement"
        constraints = [
            mode_is_known("settlement_mode"),
            models.CheckConstraint(condition=Q(status__in=SETTLEMENT_STATES), name="settlement_status"),
            models.CheckConstraint(
                condition=Q(debt__gte=0, reserve__gte=0, available__gte=0, returned__gte=0), name="settlement_parts"
            ),
            models.CheckConstraint(
                condition=Q(status__in=SETTLEMENT_UNRELEASED)
                | Q(total=models.F("debt") + models.F("reserve") + models.F("available"), closed_at__isnull=False),
                name="settlement_split",
            ),
            models.UniqueConstraint(fields=["merchant", "mode", "currency", "day"], name="settlement_once"),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="settlement_newest"),
            models.Index(fields=["status"], condition=Q(status__in=("open", "closed")), name="settlement_unpaid"),
            models.Index(fields=["payout_id"], condition=Q(payout_id__isnull=False), name="settlement_payout"),
            models.Index(
                fields=["merchant", "mode", "reserve_due"],
                condition=Q(reserve__gt=0, reserve_transfer__isnull=True),
                name="settlement_reserve_due",
            ),
        ]


class SettlementLine(models.Model):
    """One transfer in its batch, once for ever. `amount` is what it did to pending, `fee` what was ours of it."""

    id = models.BigAutoField(primary_key=True)
    settlement = models.ForeignKey(Settlement, models.PROTECT, related_name="lines")
    transfer = models.OneToOneField(LedgerTransfer, models.PROTECT, related_name="+")
    kind = models.TextField()
    amount = models.BigIntegerField()
    fee = models.BigIntegerField(default=0)

    class Meta:
        db_table = "settlement_line"
        constraints = [models.CheckConstraint(condition=Q(kind__in=LINE_KINDS), name="settlement_line_kind")]


class SettlementMark(models.Model):
    """How far one row of pending is settled: every entry up to `version` is of a transfer in a batch that is closed.

    An account's versions have no gaps: each is given under the account's lock, which is held until the commit, so none
    below a committed one can still appear. Written by `settlement_advance` only; without a mark all entries are read.
    """

    account = models.OneToOneField(LedgerAccount, models.PROTECT, primary_key=True, related_name="+")
    version = models.BigIntegerField()

    class Meta:
        db_table = "settlement_mark"


class ClosedDay(models.Model):
    """A day in Nairobi whose statements are fixed. `snapshot` tells which transfers were committed when it was closed.

    A transfer that claims an instant of the day and was committed later stands in the statement of the next day.
    """

    day = models.DateField(primary_key=True)
    snapshot = models.TextField()
    closed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "closed_day"


class DayStatement(models.Model):
    """A merchant's balances at both ends of a closed day, by bucket in minor units. Never changed.

    `rows` and `digest` are of the movements between: how many, and the SHA-256 of their texts.
    """

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    currency = models.CharField(max_length=3)
    day = models.DateField()
    opening = models.JSONField()
    closing = models.JSONField()
    rows = models.IntegerField(null=True)
    digest = models.TextField(null=True)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "day_statement"
        constraints = [
            mode_is_known("day_statement_mode"),
            models.UniqueConstraint(fields=["merchant", "mode", "currency", "day"], name="day_statement_once"),
        ]
