"""What two people of the operator say became of money that nobody else tells about."""

from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from payments.models.events import ProviderEvent
from payments.models.operations import MoneyOp
from payments.states import DOUBT_OUTCOMES, DOUBT_STATES

F, Q = models.F, models.Q


class DoubtDecision(KeyedModel):
    """How a try of a payout or refund ended, as one person proposes and another confirms; `outcome` in words of tries.

    The proof is the network's receipt or a note that says what was looked at. Confirmed, it is `evidence` of the move.
    """

    objects = ScopedQuerySet.as_manager()

    op = models.ForeignKey(MoneyOp, models.PROTECT, related_name="decisions")
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    outcome = models.TextField()
    receipt = models.TextField(null=True)
    note = models.TextField()
    status = models.TextField()
    evidence = models.OneToOneField(ProviderEvent, models.PROTECT, null=True, related_name="+")
    proposed_by = models.TextField()
    proposed_at = models.DateTimeField(db_default=Now())
    decided_by = models.TextField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "doubt_decision"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="doubt_decision_mode"),
            models.CheckConstraint(condition=Q(outcome__in=DOUBT_OUTCOMES), name="doubt_decision_outcome"),
            models.CheckConstraint(condition=Q(status__in=DOUBT_STATES), name="doubt_decision_status"),
            models.CheckConstraint(condition=Q(receipt__isnull=False) | ~Q(note=""), name="doubt_decision_proof"),
            # Who proposed it does not confirm it.
            models.CheckConstraint(
                condition=~Q(status="confirmed") | (Q(decided_by__isnull=False) & ~Q(decided_by=F("proposed_by"))),
                name="doubt_decision_two_people",
            ),
            models.UniqueConstraint(fields=["op"], condition=Q(status="proposed"), name="doubt_decision_one_open"),
        ]
