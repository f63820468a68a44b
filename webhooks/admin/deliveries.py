"""Deliveries: one event on its way to one endpoint, with every try; and sending one again."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.operators import cells, shown
from audit.operators.deeds import Deed, bulk
from audit.operators.filters import of_merchant, of_mode, one_of
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.operator import OperatorCard
from webhooks.models import STATES, Attempt, Delivery
from webhooks.selectors.find import attempts_of
from webhooks.serializers.deliveries import sentence_of
from webhooks.services.resend import resend_delivery

HEADERS = ("delivery", "event", "state", "tries", "last answer", "made")
ATTEMPT_HEADERS = ("try", "why", "at", "address", "answer", "ms", "what came back")


def delivery_rows(rows: Iterable[Delivery]) -> list[list[Any]]:
    """Lines of HEADERS; the rows have their events with them."""
    return [
        [
            shown.link(_name(row), "webhooks_delivery", row.pk),
            row.event.type,
            row.state,
            row.tries,
            row.last_status or row.last_error or shown.NOTHING,
            cells.at(row.created_at),
        ]
        for row in rows
    ]


def _name(row: Delivery) -> str:
    return to_public("whd", UUID(int=row.pk))


def _attempt_row(row: Attempt) -> list[Any]:
    answer = row.status or sentence_of(row.error_code) or shown.NOTHING
    excerpt = cells.verbatim(cells.words(row.response_excerpt))
    return [row.n, row.trigger, cells.at(row.started_at), row.ip or shown.NOTHING, answer, row.total_ms, excerpt]


def _resend(card: OperatorCard, row: Delivery, said: Mapping[str, Any]) -> str:
    resend_delivery(row, actor=card.actor)
    return "It is sent again now."


@admin.register(Delivery)
class DeliveryPage(OperatorPage):
    """A delivery; the body it carries without the people in it."""

    heading = "Webhook deliveries"
    sees = Right.DELIVERIES
    prefix = "whd"
    deeds = (Deed(name="resend", label="Send again", needs=Right.DELIVERIES_RETRY, do=_resend, needs_proof=False),)
    actions = ("send_again",)
    list_display = (
        "shown_id",
        "shown_merchant",
        "mode",
        "event_type",
        "endpoint_link",
        "state",
        "tries",
        "answer",
        "created",
    )
    list_filter = (one_of("state", STATES), of_mode(), of_merchant())
    fields = (
        *(
            "shown_id",
            "shown_merchant",
            "mode",
            "event_type",
            "event_link",
            "endpoint_link",
            "state",
            "tries",
            "trigger",
        ),
        *("answer", "next_try", "expires", "delivered", "created"),
    )
    readonly_fields = fields

    shown_id = shown.public_id("whd")
    shown_merchant = shown.merchant()
    next_try = shown.moment("next_attempt_at", label="next try")
    expires = shown.moment("expires_at")
    delivered = shown.moment("delivered_at")
    created = shown.moment("created_at")

    @admin.display(description="event")
    def event_type(self, row: Delivery) -> str:
        return str(row.event.type)

    @admin.display(description="event id")
    def event_link(self, row: Delivery) -> str:
        return shown.link(to_public("evt", row.event_id), "webhooks_event", row.event_id)

    @admin.display(description="endpoint")
    def endpoint_link(self, row: Delivery) -> str:
        return shown.link(to_public("whe", row.endpoint_id), "webhooks_endpoint", row.endpoint_id)

    @admin.display(description="last answer")
    def answer(self, row: Delivery) -> str:
        return str(row.last_status or sentence_of(row.last_error) or shown.NOTHING)

    @bulk("Send again", needs=Right.DELIVERIES_RETRY, needs_proof=False)
    def send_again(self, card: OperatorCard, row: Delivery) -> str:
        return _resend(card, row, {})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows: QuerySet[Delivery] = super().get_queryset(request).select_related("event").defer("event__body")
        return rows

    def sections(self, request: HttpRequest, row: Delivery) -> list[Section]:
        return [
            Section(title="Tries", headers=ATTEMPT_HEADERS, rows=[_attempt_row(each) for each in attempts_of(row)]),
            Section(title="What is sent", headers=("body, people left out",), rows=[[cells.document(row.event.body)]]),
        ]
