"""Questions put to a provider whose answers come by callback, and how well a shortcode's callbacks arrive."""

from django.db import models

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import KeyedModel
from payments.models.c2b import C2bClaim, C2bReceipt
from payments.models.events import ProviderEvent
from payments.models.operations import MoneyOp
from payments.states import QUESTION_KINDS, QUESTION_STATES

Q = models.Q


class ProviderQuestion(KeyedModel):
    """One question: about a transaction by its `receipt` or by the reference we sent it under, or about a balance.

    `op`, `c2b_receipt` or `claim` is on whose behalf it is asked; none: for a receipt somebody told of whom we do not
    trust. It moves no money, so it may be put again: `tries` counts how often, `next_ask` says when, None never.
    `unknown_there` counts the answers that the provider has no such transaction.
    """

    provider = models.TextField()
    mode = models.CharField(max_length=4)
    provider_account = models.ForeignKey(
        "merchants.ProviderAccount", models.PROTECT, null=True, related_name="+", db_index=False
    )
    kind = models.TextField()
    receipt = models.TextField(null=True)
    original_reference = models.TextField(null=True)
    op = models.ForeignKey(MoneyOp, models.PROTECT, null=True, related_name="questions")
    c2b_receipt = models.ForeignKey(C2bReceipt, models.PROTECT, null=True, related_name="questions")
    claim = models.ForeignKey(C2bClaim, models.PROTECT, null=True, related_name="questions")
    client_ref = models.TextField(unique=True)
    token_hash = models.BinaryField(unique=True)
    provider_ref = models.TextField(null=True)
    status = models.TextField()
    tries = models.SmallIntegerField(db_default=0)
    unknown_there = models.SmallIntegerField(db_default=0)
    next_ask = models.DateTimeField(null=True)
    answer = models.ForeignKey(ProviderEvent, models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "provider_question"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="provider_question_mode"),
            models.CheckConstraint(condition=Q(kind__in=QUESTION_KINDS), name="provider_question_kind"),
            models.CheckConstraint(condition=Q(status__in=QUESTION_STATES), name="provider_question_status"),
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(status="asked"), name="provider_question_open"),
            models.Index(fields=["next_ask"], condition=Q(next_ask__isnull=False), name="provider_question_due"),
        ]


class ShortcodeHealth(models.Model):
    """How a shortcode's callbacks arrive. `silent_since` is set while prompts end and nobody tells us."""

    id = models.BigAutoField(primary_key=True)
    provider = models.TextField()
    mode = models.CharField(max_length=4)
    shortcode = models.TextField()
    last_callback_at = models.DateTimeField(null=True)
    silent_since = models.DateTimeField(null=True)
    told_by_callback = models.IntegerField()
    found_by_asking = models.IntegerField()
    checked_at = models.DateTimeField()

    class Meta:
        db_table = "shortcode_health"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="shortcode_health_mode"),
            models.UniqueConstraint(fields=["provider", "mode", "shortcode"], name="shortcode_health_once"),
        ]
