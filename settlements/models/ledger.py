"""The ledger: accounts, transfers and entries. Rows are written by `ledger_post` and `ledger_open_account` only."""

from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import UUIDv7


def mode_is_known(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(mode__in=MODES), name=name)


class LedgerKind(models.Model):
    """The chart of accounts as the database knows it; filled from `chart.py` by a migration."""

    kind = models.TextField(primary_key=True)
    owner = models.TextField()
    normal = models.CharField(max_length=1)
    floored = models.BooleanField()

    class Meta:
        # Part of the schema rather than data: emptying the database for a test must leave it.
        managed = False
        db_table = "ledger_kind"


class LedgerAccount(models.Model):
    """A named balance in one currency and mode; debits and credits in minor units, moved by entries alone."""

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, null=True, related_name="+")
    kind = models.TextField()
    sub = models.TextField(default="")
    currency = models.CharField(max_length=3)
    mode = models.CharField(max_length=4)
    normal = models.CharField(max_length=1)
    floored = models.BooleanField(default=True)
    debits = models.BigIntegerField(default=0)
    credits = models.BigIntegerField(default=0)
    version = models.BigIntegerField(default=0)

    class Meta:
        db_table = "ledger_account"
        constraints = [
            mode_is_known("ledger_account_mode"),
            models.CheckConstraint(condition=models.Q(normal__in=("D", "C")), name="ledger_account_normal"),
            models.CheckConstraint(condition=models.Q(debits__gte=0, credits__gte=0), name="ledger_account_sums"),
            models.CheckConstraint(
                condition=models.Q(floored=False)
                | models.Q(normal="C", credits__gte=models.F("debits"))
                | models.Q(normal="D", debits__gte=models.F("credits")),
                name="ledger_account_floor",
            ),
            models.UniqueConstraint(
                fields=["merchant", "kind", "sub", "currency", "mode"],
                nulls_distinct=False,
                name="ledger_account_name",
            ),
            models.UniqueConstraint(fields=["id", "currency", "mode"], name="ledger_account_book"),
        ]


class LedgerTransfer(models.Model):
    """A balanced set of entries for one business fact, named by `idem` so that it is posted once.

    `pending` is what its entries do to the merchant's pending money and `fee` what of it is ours, in minor units;
    `by_card`: a card provider owes us the rest. Settlement reads these and not the entries.
    """

    id = models.UUIDField(primary_key=True, db_default=UUIDv7())
    idem = models.TextField(unique=True)
    kind = models.TextField()
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, null=True, related_name="+")
    currency = models.CharField(max_length=3)
    mode = models.CharField(max_length=4)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="+")
    reason = models.TextField(default="")
    actor = models.TextField(default="system")
    occurred_at = models.DateTimeField(db_default=Now())
    posted_at = models.DateTimeField(db_default=Now())
    pending = models.BigIntegerField(db_default=0)
    fee = models.BigIntegerField(db_default=0)
    by_card = models.BooleanField(db_default=False)

    class Meta:
        db_table = "ledger_transfer"
        constraints = [
            mode_is_known("ledger_transfer_mode"),
            models.UniqueConstraint(fields=["id", "currency", "mode"], name="ledger_transfer_book"),
        ]


class LedgerEntry(models.Model):
    """One line of a transfer with the account's running sums after it; minor units."""

    id = models.BigAutoField(primary_key=True)
    # The composite foreign keys of the migration cover these two and keep currency and mode equal.
    transfer = models.ForeignKey(LedgerTransfer, models.PROTECT, db_constraint=False, related_name="entries")
    account = models.ForeignKey(
        LedgerAccount, models.PROTECT, db_constraint=False, db_index=False, related_name="entries"
    )
    currency = models.CharField(max_length=3)
    mode = models.CharField(max_length=4)
    side = models.CharField(max_length=1)
    amount = models.BigIntegerField()
    account_version = models.BigIntegerField()
    debits_after = models.BigIntegerField()
    credits_after = models.BigIntegerField()

    class Meta:
        db_table = "ledger_entry"
        constraints = [
            models.CheckConstraint(condition=models.Q(side__in=("D", "C")), name="ledger_entry_side"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="ledger_entry_amount"),
            models.UniqueConstraint(fields=["account", "account_version"], name="ledger_entry_version"),
        ]
        # Pages of one account, newest first, at any depth.
        indexes = [models.Index(fields=["account", "-id"], name="ledger_entry_page")]
