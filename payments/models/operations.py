"""Tries at a provider that can move money."""

from django.db import models

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import KeyedModel
from payments.models.events import ProviderEvent
from payments.models.payments import Payment
from payments.models.refunds import Refund
from payments.states import OP_KINDS, OP_OPEN, OP_STATES

Q = models.Q


class MoneyOp(KeyedModel):
    """One try at a provider that can move money: committed before the call, closed by the provider's word."""

    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="ops", db_index=False)
    refund = models.ForeignKey(Refund, models.PROTECT, null=True, related_name="ops", db_index=False)
    payout = models.ForeignKey("settlements.Payout", models.PROTECT, null=True, related_name="ops", db_index=False)
    # Of a payout: which part of it, from 1. What is too large for the network goes in several.
    part = models.SmallIntegerField(null=True)
    surplus_payment = models.OneToOneField(Payment, models.PROTECT, null=True, related_name="+")
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    provider = models.TextField()
    provider_account = models.ForeignKey(
        "merchants.ProviderAccount", models.PROTECT, null=True, related_name="+", db_index=False
    )
    kind = models.TextField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    client_ref = models.TextField(unique=True)
    token_hash = models.BinaryField(null=True, unique=True)
    provider_ref = models.TextField(null=True)
    # What the provider wants to hear when it is asked about this try and knows it by none of our names.
    query_ref = models.TextField(null=True)
    # The network's name of the movement; kept here of payouts only, which may have several.
    receipt = models.TextField(null=True)
    status = models.TextField()
    evidence = models.ForeignKey(ProviderEvent, models.PROTECT, null=True, related_name="+", db_index=False)
    # Of a payout whose money came back later: the word that said so.
    return_evidence = models.OneToOneField(ProviderEvent, models.PROTECT, null=True, related_name="+")
    lease_until = models.DateTimeField(null=True)
    next_check = models.DateTimeField(null=True)
    checks = models.IntegerField()
    answered_checks = models.IntegerField()
    last_answer_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "money_op"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="money_op_mode"),
            models.CheckConstraint(condition=Q(status__in=OP_STATES), name="money_op_status"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="money_op_amount"),
            models.CheckConstraint(condition=Q(kind__in=OP_KINDS), name="money_op_kind"),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, refund__isnull=True, payout__isnull=True)
                | Q(payment__isnull=True, refund__isnull=False, payout__isnull=True)
                | Q(payment__isnull=True, refund__isnull=True, payout__isnull=False),
                name="money_op_one_purpose",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=OP_OPEN) | Q(next_check__isnull=False), name="money_op_watched"
            ),
            models.UniqueConstraint(
                fields=["provider", "mode", "kind", "provider_ref"],
                condition=Q(provider_ref__isnull=False),
                name="money_op_provider_ref",
            ),
            models.UniqueConstraint(fields=["payment"], condition=Q(status__in=OP_OPEN), name="money_op_one_payment"),
            # Money out is never sent again beside a try that left, or may have left.
            models.UniqueConstraint(
                fields=["refund"],
                condition=~Q(status__in=("rejected", "failed", "cancelled")),
                name="money_op_one_refund",
            ),
            models.CheckConstraint(
                condition=Q(payout__isnull=True, part__isnull=True) | Q(payout__isnull=False, part__gte=1),
                name="money_op_part",
            ),
            models.UniqueConstraint(
                fields=["payout", "part"],
                condition=~Q(status__in=("rejected", "failed", "cancelled")),
                name="money_op_one_payout",
            ),
            models.UniqueConstraint(
                fields=["provider", "mode", "receipt"], condition=Q(receipt__isnull=False), name="money_op_receipt"
            ),
        ]
        indexes = [
            models.Index(fields=["payment", "id"], name="money_op_of_payment"),
            models.Index(fields=["refund", "id"], condition=Q(refund__isnull=False), name="money_op_of_refund"),
            models.Index(fields=["payout", "id"], condition=Q(payout__isnull=False), name="money_op_of_payout"),
            models.Index(fields=["next_check"], condition=Q(status__in=OP_OPEN), name="money_op_due"),
            models.Index(fields=["query_ref"], condition=Q(query_ref__isnull=False), name="money_op_query_ref"),
        ]
