"""Refunds, and what each waits for. Who agrees to one is the merchant's own affair: nothing is done here."""

from django.contrib import admin
from django.http import HttpRequest

from audit.operators import cells, shown
from audit.operators.filters import by_key, lately, of_merchant, of_mode, one_of
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from onpoint_pay.kit.ids import to_public
from payments.admin import stories
from payments.models import Refund
from payments.selectors import dossier
from payments.states import REFUND_ROUTES, REFUND_STATES
from settlements.admin.tables import postings


@admin.register(Refund)
class RefundPage(OperatorPage):
    """Money on its way back to a payer."""

    heading = "Refunds"
    sees = Right.PAYMENTS
    prefix = "ref"
    finds = ("reference",)
    list_display = (
        "reference",
        "shown_merchant",
        "mode",
        "shown_amount",
        "route",
        "status",
        "pending_reason",
        "created",
    )
    list_filter = (
        *(one_of("status", REFUND_STATES), one_of("route", REFUND_ROUTES), of_mode(), of_merchant()),
        lately(by_key),
    )
    fields = (
        *(
            "shown_id",
            "reference",
            "shown_merchant",
            "mode",
            "payment_link",
            "status",
            "pending_reason",
            "shown_amount",
        ),
        *("route", "why", "shown_phone", "receipt", "shown_proof", "failed", "requested_by", "approved_by"),
        *("created", "expected", "completed"),
    )
    readonly_fields = fields

    shown_id = shown.public_id("ref")
    shown_merchant = shown.merchant()
    shown_amount = shown.money("amount", label="amount")
    shown_phone = shown.phone("phone")
    created = shown.moment("created_at")
    expected = shown.moment("expected_at")
    completed = shown.moment("completed_at")

    @admin.display(description="payment")
    def payment_link(self, row: Refund) -> str:
        return shown.link(to_public("pay", row.payment_id), "payments_payment", row.payment_id)

    @admin.display(description="reason")
    def why(self, row: Refund) -> str:
        return cells.words(row.reason)

    @admin.display(description="proof")
    def shown_proof(self, row: Refund) -> str:
        return cells.words(row.proof)

    @admin.display(description="failure")
    def failed(self, row: Refund) -> str:
        return cells.words(str((row.failure or {}).get("code", "")))

    def sections(self, request: HttpRequest, row: Refund) -> list[Section]:
        tries = dossier.tries_of_refund(row)
        return [
            stories.tries(tries),
            stories.claims(dossier.claims_of(tries)),
            postings(dossier.transfers_of_refund(row)),
        ]
