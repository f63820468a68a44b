"""Settlements: what fell due to a merchant on a day, what it is made of, and keeping payouts of a merchant back."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from audit.operators import cells, shown
from audit.operators.deeds import Deed, WhyForm, require
from audit.operators.filters import of_merchant, of_mode, one_of
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from audit.operators.waiting import counts
from audit.services.looks import note_look
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.operator import OperatorCard
from settlements.admin.tables import postings
from settlements.models import Settlement
from settlements.selectors.postings import first_lines_of, transfers_of_settlement
from settlements.services.payout_holds import hold_payouts_of, is_held, release_payouts_of
from settlements.services.settlement_files import write_settlement
from settlements.states import SETTLEMENT_STATES

FILES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


def _hold(card: OperatorCard, row: Settlement, said: Mapping[str, Any]) -> str:
    hold_payouts_of(row.merchant_id, card, why=said)
    return "Nothing is paid out to this merchant by itself any more."


def _let_go(card: OperatorCard, row: Settlement, said: Mapping[str, Any]) -> str:
    release_payouts_of(row.merchant_id, card, why=said)
    return "The next run pays out what waited."


@admin.register(Settlement)
class SettlementPage(OperatorPage):
    """A batch of one merchant and day."""

    heading = "Settlements"
    sees = Right.SETTLEMENTS
    prefix = "stl"
    deeds = (
        Deed(
            name="hold",
            label="Hold this merchant's payouts",
            needs=Right.SETTLEMENTS_HOLD,
            do=_hold,
            form=WhyForm,
            when=lambda row: not is_held(row.merchant_id),
            note="Money falls due as before and stays in the merchant's balance. They see that it is held, not why.",
        ),
        Deed(
            name="let-go",
            label="Let this merchant's payouts go",
            needs=Right.SETTLEMENTS_HOLD,
            do=_let_go,
            form=WhyForm,
            when=lambda row: is_held(row.merchant_id),
        ),
    )
    list_display = (
        "shown_id",
        "shown_merchant",
        "mode",
        "day",
        "status",
        "shown_total",
        "shown_available",
        "held",
        "payout",
    )
    list_filter = (one_of("status", SETTLEMENT_STATES), of_mode(), of_merchant())
    fields = (
        *("shown_id", "shown_merchant", "mode", "day", "status", "held", "shown_gross", "shown_fee", "shown_total"),
        *("shown_debt", "shown_reserve", "reserve_due", "shown_returned", "shown_available", "payout", "proof"),
        *("created", "closed", "paid", "files"),
    )
    readonly_fields = fields

    shown_id = shown.public_id("stl")
    shown_merchant = shown.merchant()
    shown_gross = shown.money("gross", label="gross")
    shown_fee = shown.money("fee", label="fee")
    shown_total = shown.money("total", label="total")
    shown_debt = shown.money("debt", label="debt repaid")
    shown_reserve = shown.money("reserve", label="reserve")
    shown_returned = shown.money("returned", label="reserve returned")
    shown_available = shown.money("available", label="available")
    created = shown.moment("created_at")
    closed = shown.moment("closed_at")
    paid = shown.moment("paid_at")

    @admin.display(description="held because")
    def held(self, row: Settlement) -> str:
        return row.hold_reason or shown.NOTHING

    @admin.display(description="payout")
    def payout(self, row: Settlement) -> str:
        key = row.payout_id
        return shown.NOTHING if key is None else shown.link(to_public("pyt", key), "settlements_payout", key)

    @admin.display(description="paid by hand as")
    def proof(self, row: Settlement) -> str:
        return cells.words(row.paid_proof)

    @admin.display(description="statement")
    def files(self, row: Settlement) -> str:
        csv, pdf = (reverse(f"admin:settlements_settlement_{kind}", args=(row.pk,)) for kind in FILES)
        return format_html('<a href="{}">CSV</a> <a href="{}">PDF</a>', csv, pdf)

    def sections(self, request: HttpRequest, row: Settlement) -> list[Section]:
        lines = [
            [
                line.kind,
                line.transfer.idem,
                cells.amount(line.fee, row.currency),
                cells.amount(line.amount, row.currency),
            ]
            for line in first_lines_of(row)
        ]
        headers = ("kind", "transfer", "fee", "amount")
        return [Section(title="The first lines", headers=headers, rows=lines), postings(transfers_of_settlement(row))]

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/statement.{kind}", self._view(partial(self._statement, kind)), name=self._name(kind)
            )
            for kind in FILES
        ]
        return [*own, *super().get_urls()]

    def _statement(self, kind: str, request: HttpRequest, object_id: str) -> HttpResponse:
        """The file that the merchant can fetch too; looked at like everything else."""
        card, row = require(request, self.sees), self.row_or_404(request, object_id)
        name = self.title_of(row)
        body = write_settlement(row, format=kind, name="shown_merchant")
        note_look(card, what=f"settlement.{kind}", object_id=name, merchant_id=row.merchant_id, asked={})
        answer = HttpResponse(body, content_type=FILES[kind])
        answer["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
        return answer


@counts(
    "Settlements that are held",
    right=Right.SETTLEMENTS,
    page="admin:settlements_settlement_changelist",
    query="?status=open",
)
def held_settlements() -> int:
    return int(Settlement.objects.filter(status="open").exclude(hold_reason="").count())
