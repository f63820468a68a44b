"""How much a merchant may take in each mode, by its own word and the operator's, and how often it may call."""

from collections.abc import Mapping

from django.db import models

from merchants.models.merchants import MODE_CHOICES, Merchant, one_of
from onpoint_pay.kit.caller import LIVE, TEST
from onpoint_pay.kit.db import ScopedQuerySet

# Of one payment, and of the payments of a day, of a month, of one payer's day. The last counts; the others are sums.
KINDS = ("largest", "per_day", "per_month", "per_payer_day", "payments_per_payer_day")


def _limit() -> "models.BigIntegerField[int | None, int | None]":
    return models.BigIntegerField(null=True, blank=True)


class MerchantLimits(models.Model):
    """One merchant in one mode, in minor units. `own_` is the merchant's word, `cap_` the operator's; None is none.

    Without a cap the installation's counts. `rates` has policies of RATE_LIMITS that differ from the installation's.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="limits")
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    own_largest = _limit()
    own_per_day = _limit()
    own_per_month = _limit()
    own_per_payer_day = _limit()
    own_payments_per_payer_day = _limit()
    cap_largest = _limit()
    cap_per_day = _limit()
    cap_per_month = _limit()
    cap_per_payer_day = _limit()
    cap_payments_per_payer_day = _limit()
    rates = models.JSONField(default=dict, blank=True)
    changed_by = models.TextField()
    changed_at = models.DateTimeField()
    # What was never changed counts as version 1 and has no row.
    version = models.IntegerField(default=1)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "merchants_limits"
        constraints = [
            models.UniqueConstraint(fields=["merchant", "mode"], name="merchants_limits_once"),
            one_of("mode", [TEST, LIVE], "merchants_limits_mode"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="merchants_limits_version"),
            *(
                models.CheckConstraint(
                    condition=models.Q(**{f"{side}_{kind}__isnull": True}) | models.Q(**{f"{side}_{kind}__gt": 0}),
                    name=f"merchants_limits_{side}_{kind}",
                )
                for side in ("own", "cap")
                for kind in KINDS
            ),
        ]

    @property
    def own(self) -> dict[str, int | None]:
        return {kind: getattr(self, f"own_{kind}") for kind in KINDS}

    @property
    def cap(self) -> dict[str, int | None]:
        return {kind: getattr(self, f"cap_{kind}") for kind in KINDS}

    def set_side(self, side: str, changes: Mapping[str, int | None]) -> None:
        """`side` is own or cap."""
        for kind, minor in changes.items():
            setattr(self, f"{side}_{kind}", minor)
