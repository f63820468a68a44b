"""Events: what merchants were told, and where each went."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.operators import cells, shown
from audit.operators.filters import of_merchant, of_mode
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from webhooks.admin.deliveries import HEADERS, delivery_rows
from webhooks.models import Event
from webhooks.selectors.find import deliveries_of_event


@admin.register(Event)
class EventPage(OperatorPage):
    """An event; its body without the people in it."""

    heading = "Webhook events"
    sees = Right.DELIVERIES
    prefix = "evt"
    list_display = ("shown_id", "shown_merchant", "mode", "type", "sequence", "created")
    list_filter = (of_mode(), of_merchant())
    fields = ("shown_id", "shown_merchant", "mode", "type", "sequence", "api_version", "created")
    readonly_fields = fields

    shown_id = shown.public_id("evt")
    shown_merchant = shown.merchant()
    created = shown.moment("created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        rows: QuerySet[Event] = super().get_queryset(request).defer("body")
        return rows

    def sections(self, request: HttpRequest, row: Event) -> list[Section]:
        return [
            Section(title="Deliveries", headers=HEADERS, rows=delivery_rows(deliveries_of_event(row))),
            Section(title="What it says", headers=("body, people left out",), rows=[[cells.document(row.body)]]),
        ]
