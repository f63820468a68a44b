"""Operators' pages of this room: the audit trail by chain, the signed checkpoints, and the calls of the API."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from audit.models import AuditCheckpoint, AuditEvent, AuditHead, RequestLog
from audit.operators import cells, shown
from audit.operators.filters import by_key, by_words, lately, of_merchant, of_mode
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from audit.operators.waiting import counts
from audit.selectors.records import CONDITIONS, page_of_stream
from audit.services import PLATFORM, stream_of
from audit.services.checkpoints import departures
from audit.statement import read_heads
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from onpoint_pay.kit.redact import MASK

LINKS = 100
# One is made every hour.
LATE = timedelta(hours=2)
CALL_CLASSES = {f"{first}xx": Q(status__gte=first * 100, status__lt=(first + 1) * 100) for first in (2, 3, 4, 5)}


@admin.register(AuditHead)
class TrailPage(OperatorPage):
    """One chain and its links, newest first."""

    heading = "Audit trail"
    sees = Right.AUDIT
    finds = ("stream",)
    search_help_text = "mer_… or platform"
    list_display = ("shown_stream", "seq")
    fields = ("shown_stream", "seq")
    ordering = ("stream",)
    change_form_outer_before_template = "operators/trail.html"

    @admin.display(description="chain of")
    def shown_stream(self, row: AuditHead) -> str:
        return self.title_of(row)

    def title_of(self, row: AuditHead) -> str:
        key = self.merchant_of(row)
        return row.stream if key is None else to_public("mer", key)

    def merchant_of(self, row: AuditHead) -> UUID | None:
        return None if row.stream == PLATFORM else UUID(row.stream[1:])

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        try:
            return queryset.filter(stream=stream_of(from_public("mer", search_term.strip()))), False
        except PublicIdInvalid:
            return super().get_search_results(request, queryset, search_term)

    def _context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        asked = {name: request.GET.get(name, "") for name in CONDITIONS}
        return {**super()._context(request, row), "asked": asked}

    def sections(self, request: HttpRequest, row: AuditHead) -> list[Section]:
        asked = {name: str(value) for name, value in request.GET.items() if value}
        links, turn = page_of_stream(row.stream, asked, limit=LINKS)
        rows = [_link(each) for each in links]
        if turn.next:
            older = urlencode(asked | {"cursor": turn.next})
            rows.append([format_html('<a href="?{}">Older</a>', older), "", "", "", "", "", ""])
        return [Section(title="Links", headers=("link", "at", "who", "what", "object", "detail", "request"), rows=rows)]


def _link(link: AuditEvent) -> list[Any]:
    """The address of a request is a person's: the chain has it as a digest."""
    origin = link.detail.get("origin") or {}
    told = ", ".join(f"{name}: {value}" for name, value in link.told.items())
    request = str(origin.get("request", shown.NOTHING))
    return [link.seq, cells.at(link.at), link.actor, link.action, link.object or shown.NOTHING, told, request]


@admin.register(AuditCheckpoint)
class CheckpointPage(OperatorPage):
    """What was signed every hour, and whether the chains still hold it."""

    heading = "Checkpoints"
    sees = Right.AUDIT
    list_display = ("number", "shown_at", "shown_mailed")
    fields = ("number", "shown_at", "shown_mailed", "public_key", "signature", "statement")
    shown_at = shown.moment("at")
    shown_mailed = shown.moment("mailed_at", label="mailed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditCheckpoint]:
        return super().get_queryset(request).defer("heads")

    def sections(self, request: HttpRequest, row: AuditCheckpoint) -> list[Section]:
        heads = read_heads(row.heads)
        found = departures(heads)
        said = f"{len(found)} of {len(heads)} chains are NOT as signed" if found else f"All {len(heads)} are as signed"
        rows = [[each.stream, each.seq, "cut" if each.is_cut else "another link", each.last] for each in found[:LINKS]]
        title = f"Looked at just now: {said}. manage.py audit_verify recomputes every link."
        return [Section(title=title, headers=("chain", "signed up to", "fault", "left"), rows=rows)]


@counts("Checkpoints that are late", right=Right.AUDIT, page="admin:audit_auditcheckpoint_changelist")
def late_checkpoints() -> int:
    """One or none; without a signing key none is made, and none is missed."""
    if not settings.AUDIT_SIGNING_KEY:
        return 0
    return int(not AuditCheckpoint.objects.filter(at__gt=now() - LATE).exists())


@admin.register(RequestLog)
class RequestPage(OperatorPage):
    """A call of the API, kept for 30 days; bodies without secrets and without what tells of people."""

    heading = "Calls of the API"
    sees = Right.REQUESTS
    prefix = "req"
    list_display = ("shown_id", "shown_at", "shown_merchant", "mode", "method", "path", "status", "ms", "error_code")
    list_filter = (lately(by_key, usual="1"), of_merchant(), of_mode(), by_words("class", CALL_CLASSES))
    fields = (
        "shown_id",
        "shown_at",
        "shown_merchant",
        "mode",
        "actor",
        "method",
        "path",
        "status",
        "ms",
        "error_code",
        "client_request_id",
        "shown_address",
        "shown_sent",
        "shown_answer",
    )
    shown_id = shown.public_id("req")
    shown_at = shown.moment("at")
    shown_merchant = shown.merchant()
    personal = {"address": lambda row: row.address}

    def get_queryset(self, request: HttpRequest) -> QuerySet[RequestLog]:
        rows = super().get_queryset(request)
        is_list = (
            request.resolver_match is not None and request.resolver_match.url_name == "audit_requestlog_changelist"
        )
        return rows.defer("request_body", "answer_body") if is_list else rows

    @admin.display(description="address")
    def shown_address(self, row: RequestLog) -> str:
        return MASK if row.address else shown.NOTHING

    @admin.display(description="sent")
    def shown_sent(self, row: RequestLog) -> Any:
        return cells.document(row.request_body or "")

    @admin.display(description="answered")
    def shown_answer(self, row: RequestLog) -> Any:
        return cells.document(row.answer_body or "")
