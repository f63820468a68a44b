"""The inbox of callbacks: what came in, what became of it, and looking at one once more."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from audit.operators import cells, shown
from audit.operators.deeds import Deed, bulk
from audit.operators.filters import by_time, by_words, lately, of_merchant, of_mode
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from audit.operators.waiting import counts
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.operator import OperatorCard
from payments.models import MoneyOp, ProviderEvent
from payments.services.callbacks import NotReplayable, replay_callback
from payments.services.shown_bodies import shown_body

# The states of stored claims, in words for people.
MEANT = {
    "applied": Q(status="applied"),
    "waiting": Q(status="new"),
    "without_owner": Q(status="orphan"),
    "refused": Q(status="quarantined"),
    "repeated": Q(status="duplicate"),
    "without_result": Q(status="ignored"),
}
STATES = {"new": "waiting", "orphan": "without owner", "quarantined": "refused", "duplicate": "repeated"}
REPLAYABLE = ("quarantined", "orphan", "ignored")
A_DAY = timedelta(days=1)


def _replay(card: OperatorCard, row: ProviderEvent, said: Mapping[str, Any]) -> str:
    try:
        became = replay_callback(row.pk, actor=card.actor)
    except NotReplayable as error:
        raise Problem("state_conflict", f"The callback {error}.") from error
    return f"Looked at once more: {STATES.get(became, became)}."


@admin.register(ProviderEvent)
class CallbackPage(OperatorPage):
    """One thing a provider said; of its body only what names nobody."""

    heading = "Callbacks"
    sees = Right.CALLBACKS
    deeds = (
        Deed(
            name="replay",
            label="Look at it once more",
            needs=Right.CALLBACKS_REPLAY,
            do=_replay,
            when=lambda row: row.status in REPLAYABLE,
            needs_proof=False,
            note="It goes the way it came, with the trust it had: what was not believed is not believed now.",
        ),
    )
    actions = ("replay",)
    list_display = (
        "id",
        "provider",
        "mode",
        "door_name",
        "received",
        "state",
        "shown_note",
        "token",
        "about",
        "shown_merchant",
    )
    list_filter = (
        by_words("state", MEANT),
        of_mode(),
        of_merchant("op__merchant_id"),
        lately(by_time("received_at"), usual="7"),
    )
    list_select_related = ("op",)
    fields = (
        *("id", "provider", "mode", "door_name", "received", "source_ip", "token", "state", "shown_note", "tries"),
        *("next_look", "about", "shown_merchant"),
    )
    readonly_fields = fields

    received = shown.moment("received_at")
    next_look = shown.moment("next_try", label="next look")

    @admin.display(description="door")
    def door_name(self, row: ProviderEvent) -> str:
        return row.door.partition(":")[0]

    @admin.display(description="state")
    def state(self, row: ProviderEvent) -> str:
        return STATES.get(row.status, row.status)

    @admin.display(description="why")
    def shown_note(self, row: ProviderEvent) -> str:
        return cells.words(row.note)

    @admin.display(description="token")
    def token(self, row: ProviderEvent) -> str:
        return "ours" if row.token_ok else "none of ours"

    @admin.display(description="about")
    def about(self, row: ProviderEvent) -> str:
        return concerns(row.op)

    @admin.display(description="merchant")
    def shown_merchant(self, row: ProviderEvent) -> str:
        key = self.merchant_of(row)
        return shown.NOTHING if key is None else shown.link(to_public("mer", key), "merchants_merchant", key)

    def merchant_of(self, row: ProviderEvent) -> UUID | None:
        return None if row.op is None else row.op.merchant_id

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderEvent]:
        rows: QuerySet[ProviderEvent] = super().get_queryset(request).select_related("op").defer("body", "headers")
        return rows

    @bulk("Look at them once more", needs=Right.CALLBACKS_REPLAY, needs_proof=False)
    def replay(self, card: OperatorCard, row: ProviderEvent) -> str:
        return _replay(card, row, {})

    def sections(self, request: HttpRequest, row: ProviderEvent) -> list[Section]:
        text = shown_body(row)
        body = cells.verbatim(text) if text else "Nothing of it can be shown: it is no document that we know."
        return [Section(title="What it says", headers=("body; what may name a person is null",), rows=[[body]])]


def concerns(op: MoneyOp | None) -> str:
    """The payment, refund or payout of a try, with the way there."""
    if op is None:
        return shown.NOTHING
    if op.payment_id is not None:
        return shown.link(to_public("pay", op.payment_id), "payments_payment", op.payment_id)
    if op.refund_id is not None:
        return shown.link(to_public("ref", op.refund_id), "payments_refund", op.refund_id)
    assert op.payout_id is not None  # noqa: S101 - a try is for one of the three
    return shown.link(to_public("pyt", op.payout_id), "settlements_payout", op.payout_id)


@counts(
    "Callbacks refused in a day",
    right=Right.CALLBACKS,
    page="admin:payments_providerevent_changelist",
    query="?state=refused&age=1",
)
def refused_lately() -> int:
    return int(ProviderEvent.objects.filter(status="quarantined", received_at__gte=now() - A_DAY).count())
