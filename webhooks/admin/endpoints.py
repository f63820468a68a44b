"""Endpoints and their lanes: how each answers; pausing one, letting it go on, and sending what it missed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.operators import cells, shown
from audit.operators.deeds import Deed
from audit.operators.filters import of_merchant, of_mode, one_of
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from audit.operators.waiting import counts
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.operator import OperatorCard
from webhooks.admin.deliveries import HEADERS, delivery_rows
from webhooks.models import DISABLED, ENABLED, KINDS, PAUSED, STATUSES, Endpoint
from webhooks.selectors.find import held_for, latest_of, notices_of, recoveries_of
from webhooks.services.endpoints import update_endpoint
from webhooks.services.recovery import start_recovery

MISSED_SINCE = timedelta(days=7)


def _pause(card: OperatorCard, row: Endpoint, said: Mapping[str, Any]) -> str:
    update_endpoint(row, changes={"status": PAUSED}, actor=card.actor)
    return "Paused: what was waiting is held, and so is what comes."


def _resume(card: OperatorCard, row: Endpoint, said: Mapping[str, Any]) -> str:
    update_endpoint(row, changes={"status": ENABLED}, actor=card.actor)
    return "Enabled: what happens from now on is sent; what was held waits to be recovered."


def _recover(card: OperatorCard, row: Endpoint, said: Mapping[str, Any]) -> str:
    recovery = start_recovery(row, since=now() - MISSED_SINCE, actor=card.actor)
    return f"{to_public('whr', recovery.pk)} sends again what it missed in {MISSED_SINCE.days} days."


DEEDS = (
    Deed(
        name="pause",
        label="Pause",
        needs=Right.DELIVERIES_RETRY,
        do=_pause,
        when=lambda row: row.status == ENABLED and row.deleted_at is None,
        note="Nothing is sent to it until somebody enables it; the merchant sees that it is paused.",
    ),
    Deed(
        name="resume",
        label="Enable",
        needs=Right.DELIVERIES_RETRY,
        do=_resume,
        when=lambda row: row.status != ENABLED and row.deleted_at is None,
    ),
    Deed(
        name="recover",
        label="Send what it missed",
        needs=Right.DELIVERIES_RETRY,
        do=_recover,
        when=lambda row: row.status == ENABLED and row.deleted_at is None,
        needs_proof=False,
        note=f"Of the last {MISSED_SINCE.days} days: what failed and what was held, at a pace that lets live ones by.",
    ),
)


@admin.register(Endpoint)
class EndpointPage(OperatorPage):
    """An endpoint; its secrets are never read here."""

    heading = "Webhook endpoints"
    sees = Right.DELIVERIES
    prefix = "whe"
    deeds = DEEDS
    list_display = ("shown_id", "shown_merchant", "mode", "kind", "address", "status", "breaker", "failing", "created")
    list_filter = (one_of("status", STATUSES), one_of("kind", KINDS), of_mode(), of_merchant())
    list_select_related = ("lane",)
    fields = (
        *("shown_id", "shown_merchant", "mode", "kind", "address", "shown_events", "about", "status", "rate_limit"),
        *("api_version", "breaker", "open_until", "failing", "in_a_row", "last_success", "created", "deleted"),
    )
    readonly_fields = fields

    shown_id = shown.public_id("whe")
    shown_merchant = shown.merchant()
    created = shown.moment("created_at")
    deleted = shown.moment("deleted_at")

    @admin.display(description="address")
    def address(self, row: Endpoint) -> str:
        """Without what follows the path: a token may stand there."""
        parts = urlsplit(row.url)
        return cells.words(f"{parts.scheme}://{parts.hostname or ''}{parts.path}{'?…' if parts.query else ''}")

    @admin.display(description="events")
    def shown_events(self, row: Endpoint) -> str:
        return ", ".join(row.events)

    @admin.display(description="description")
    def about(self, row: Endpoint) -> str:
        return cells.words(row.description)

    @admin.display(description="breaker")
    def breaker(self, row: Endpoint) -> str:
        return str(row.lane.breaker)

    @admin.display(description="nothing before")
    def open_until(self, row: Endpoint) -> str:
        return cells.at(row.lane.open_until)

    @admin.display(description="failing since")
    def failing(self, row: Endpoint) -> str:
        return cells.at(row.lane.failing_since)

    @admin.display(description="failures in a row")
    def in_a_row(self, row: Endpoint) -> str:
        lane = row.lane
        return f"{lane.failures_in_row}; {lane.failing_tries} tries of {lane.failing_events} events since it fails"

    @admin.display(description="last success")
    def last_success(self, row: Endpoint) -> str:
        return cells.at(row.lane.last_success_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        rows: QuerySet[Endpoint] = super().get_queryset(request).select_related("lane")
        return rows

    def sections(self, request: HttpRequest, row: Endpoint) -> list[Section]:
        notices = [
            [each.level, each.days, cells.at(each.failing_since), cells.at(each.mailed_at)] for each in notices_of(row)
        ]
        recoveries = [
            [to_public("whr", each.pk), each.which, each.state, each.opened, cells.at(each.created_at)]
            for each in recoveries_of(row)
        ]
        return [
            Section(
                title=f"Last deliveries; {held_for(row)} are held", headers=HEADERS, rows=delivery_rows(latest_of(row))
            ),
            Section(title="Recoveries", headers=("id", "of", "state", "opened", "begun"), rows=recoveries),
            Section(
                title="What its owner was told", headers=("level", "days", "failing since", "mailed"), rows=notices
            ),
        ]

    def merchant_of(self, row: Endpoint) -> UUID:
        return row.merchant_id


@counts(
    "Endpoints that were switched off",
    right=Right.DELIVERIES,
    page="admin:webhooks_endpoint_changelist",
    query="?status=disabled",
)
def switched_off() -> int:
    return int(Endpoint.objects.filter(status=DISABLED, deleted_at=None).count())
