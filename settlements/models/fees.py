"""Fee plans: whose, from when, and the bands of amounts with what is taken from each."""

from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.db import KeyedModel


class FeePlan(KeyedModel):
    """The fees of one merchant, or without a merchant of everybody who has no plan; the same in test and live mode."""

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, null=True, related_name="+")
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "fee_plan"
        constraints = [
            models.UniqueConstraint(fields=["merchant", "currency"], nulls_distinct=False, name="fee_plan_once")
        ]


class FeePlanVersion(KeyedModel):
    """What a plan says from `effective_from` on. Never changed, never dated back."""

    plan = models.ForeignKey(FeePlan, models.PROTECT, related_name="versions", db_index=False)
    effective_from = models.DateTimeField()
    created_by = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "fee_plan_version"
        constraints = [models.UniqueConstraint(fields=["plan", "effective_from"], name="fee_plan_version_once")]


class FeeRule(models.Model):
    """A band `[amount_from, amount_to)` of one method, `*` for any; amounts in minor units, shares in basis points."""

    id = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(FeePlanVersion, models.PROTECT, related_name="rules")
    method = models.TextField()
    amount_from = models.BigIntegerField()
    amount_to = models.BigIntegerField(null=True)
    bps = models.IntegerField()
    flat = models.BigIntegerField()
    least = models.BigIntegerField()
    most = models.BigIntegerField(null=True)
    tax_bps = models.IntegerField()

    class Meta:
        db_table = "fee_rule"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_from__gte=0)
                & (models.Q(amount_to__isnull=True) | models.Q(amount_to__gt=models.F("amount_from"))),
                name="fee_rule_band",
            ),
            models.CheckConstraint(
                condition=models.Q(bps__range=(0, 10_000), tax_bps__range=(0, 10_000), flat__gte=0, least__gte=0)
                & (models.Q(most__isnull=True) | models.Q(most__gte=models.F("least"))),
                name="fee_rule_terms",
            ),
        ]
