"""Proofs of the floats, day by day, and whether what is held covers what is owed."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from audit.operators import cells, shown
from audit.operators.deeds import require
from audit.operators.filters import by_words, of_mode
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from audit.operators.waiting import counts
from audit.services.looks import note_list
from onpoint_pay.kit.clock import nairobi, now
from settlements.admin.tables import drawn
from settlements.models import FloatProof
from settlements.services.safeguarding import Safeguard, safeguarding_report

RED = Q(is_green=False)
HEADERS = ("account", "amount")


@admin.register(FloatProof)
class ProofPage(OperatorPage):
    """One account on one day: the ledger against the provider's own closing balance."""

    heading = "Float proofs"
    sees = Right.SETTLEMENTS
    list_display = ("account", "mode", "day", "ledger", "provider", "shown_gap", "left", "is_green")
    list_filter = (by_words("result", {"red": RED, "green": ~RED}), of_mode())
    fields = ("account", "mode", "day", "ledger", "provider", "shown_gap", "left", "is_green", "proved")
    readonly_fields = fields

    ledger = shown.money("ledger_balance", label="ledger")
    provider = shown.money("provider_balance", label="provider")
    shown_gap = shown.money("gap", label="gap")
    left = shown.money("unexplained", label="unexplained")
    proved = shown.moment("proved_at")

    def sections(self, request: HttpRequest, row: FloatProof) -> list[Section]:
        rows = [[name.replace("_", " "), cells.words(str(value))] for name, value in row.parts.items()]
        return [Section(title="What explains the gap, in cents", headers=("because of", "amount"), rows=rows)]

    def get_urls(self) -> list[URLPattern]:
        own = path("safeguarding/", self._view(self._safeguarding), name="settlements_safeguarding")
        return [own, *super().get_urls()]

    def _safeguarding(self, request: HttpRequest) -> HttpResponse:
        card, report = require(request, self.sees), safeguarding_report()
        note_list(card, what="safeguarding", asked={})
        context = {
            **self.admin_site.each_context(request),
            "title": "Safeguarding",
            "sections": [drawn(_covered(each)) for each in report],
            "back": reverse(f"admin:{self._name('changelist')}"),
        }
        return TemplateResponse(request, "operators/clear.html", context)


def _covered(row: Safeguard) -> Section:
    """What is owed and what it is held in, each by kind of account."""
    lines: list[list[Any]] = [
        [f"owed: {kind}", cells.amount(minor, row.currency)] for kind, minor in sorted(row.owed.items())
    ]
    lines += [[f"held: {kind}", cells.amount(minor, row.currency)] for kind, minor in sorted(row.cash.items())]
    lines.append(["held above owed", cells.amount(row.cover, row.currency)])
    verdict = "covered" if row.is_covered else "NOT COVERED: capital must be added"
    return Section(title=f"{row.mode}, {row.currency}: {verdict}", headers=HEADERS, rows=lines)


@counts(
    "Floats that were not proved in a week",
    right=Right.SETTLEMENTS,
    page="admin:settlements_floatproof_changelist",
    query="?result=red",
)
def unproved() -> int:
    return int(FloatProof.objects.filter(RED, day__gte=nairobi(now()).date() - timedelta(days=7)).count())
