"""Payments: found by what somebody was told of them, told as a story, and asked for again."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.operators import cells, shown
from audit.operators.deeds import Deed, require
from audit.operators.filters import by_key, lately, of_merchant, of_mode, one_of
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.operator import OperatorCard
from payments.admin import stories
from payments.models import Payment
from payments.selectors import dossier
from payments.selectors.settled import with_settlement
from payments.serializers.payments import METHODS
from payments.services.resend_picked import MOST, SENT, Resent, resend_picked
from payments.states import CLOSED_UNPAID, PAYMENT_STATES, PENDING
from settlements.admin.tables import postings

AGAIN = "The payer's phone rings again, as though the merchant had asked. Limits of prompts to one phone hold."
IS_SENT = "A new prompt is on its way."


def _resend(card: OperatorCard, row: Payment, said: Mapping[str, Any]) -> str:
    (found,) = resend_picked(card, [row])
    if found.outcome != SENT:
        raise Problem(found.code or "provider_unavailable", found.words)
    return IS_SENT


def _may_resend(row: Payment) -> bool:
    return row.channel == "stk_push" and row.status in (PENDING, *CLOSED_UNPAID)


@admin.register(Payment)
class PaymentPage(OperatorPage):
    """A payment with its story; who paid is masked."""

    heading = "Payments"
    sees = Right.PAYMENTS
    prefix = "pay"
    finds = dossier.NAMES
    search_help_text = "A whole reference, receipt, id or checkout request id; payers are not searched for."
    deeds = (
        Deed(
            name="resend",
            label="Resend prompt",
            needs=Right.PROMPTS_RESEND,
            do=_resend,
            when=_may_resend,
            needs_proof=False,
            note=AGAIN,
        ),
    )
    actions = ("resend_prompt",)
    personal = {
        "phone": lambda row: row.phone or shown.NOTHING,
        "name": lambda row: row.payer_name or shown.NOTHING,
        "e-mail": lambda row: row.email or shown.NOTHING,
    }
    list_display = (
        *("reference", "status", "shown_amount", "shown_phone", "created", "own_reference", "receipt"),
        *("payment_method", "mode", "shown_merchant"),
    )
    list_filter = (
        *(one_of("status", PAYMENT_STATES), one_of("payment_method", METHODS, title="method"), of_mode()),
        *(of_merchant(), lately(by_key)),
    )
    fieldsets = (
        (None, {"fields": ("shown_id", "reference", "shown_merchant", "mode", "status", "pending_reason", "failed")}),
        (
            "Money",
            {"fields": ("shown_amount", "shown_captured", "shown_refunded", "shown_held", "shown_fee", "shown_tax")},
        ),
        (
            "Names",
            {"fields": ("own_reference", "account_reference", "shown_reference", "receipt", "checkout", "about")},
        ),
        ("Payer", {"fields": ("shown_phone", "shown_name", "shown_email", "language")}),
        (
            "How",
            {
                "fields": (
                    *("payment_method", "channel", "provider", "shortcode", "simulated", "attempts", "confirmed_by"),
                    *("surplus", "late", "amount_check", "created_by", "created", "submitted", "completed", "expires"),
                    *("called_off", "settlement"),
                )
            },
        ),
    )
    readonly_fields = (
        *("shown_id", "shown_merchant", "failed", "shown_amount", "shown_captured", "shown_refunded", "shown_held"),
        *("shown_fee", "shown_tax", "own_reference", "checkout", "about", "shown_phone", "shown_name", "shown_email"),
        *("created", "submitted", "completed", "expires", "called_off", "settlement"),
    )

    shown_id = shown.public_id("pay")
    shown_merchant = shown.merchant()
    shown_amount = shown.money("amount", label="amount")
    shown_captured = shown.money("captured", label="received")
    shown_refunded = shown.money("refunded", label="given back")
    shown_held = shown.money("refund_held", label="held for refunds")
    shown_fee = shown.money("fee", label="fee")
    shown_tax = shown.money("tax", label="tax")
    shown_phone = shown.phone("phone")
    shown_name = shown.name("payer_name")
    shown_email = shown.email("email")
    created = shown.moment("created_at")
    submitted = shown.moment("submitted_at")
    completed = shown.moment("completed_at")
    expires = shown.moment("expires_at")
    called_off = shown.moment("cancel_requested_at", label="called off")

    @admin.display(description="failure")
    def failed(self, row: Payment) -> str:
        failure = row.failure or {}
        return cells.words(
            " ".join(str(failure[name]) for name in ("code", "certainty", "provider_code") if failure.get(name))
        )

    @admin.display(description="merchant's reference")
    def own_reference(self, row: Payment) -> str:
        return cells.words(row.merchant_reference)

    @admin.display(description="provider's id")
    def checkout(self, row: Payment) -> str:
        """It ends in the payer's number."""
        return cells.words(row.provider_reference)

    @admin.display(description="description")
    def about(self, row: Payment) -> str:
        return cells.words(row.description)

    @admin.display(description="settlement")
    def settlement(self, row: Payment) -> str:
        key = with_settlement(row).settlement_id
        return shown.NOTHING if key is None else shown.link(to_public("stl", key), "settlements_settlement", key)

    @admin.action(description="Resend prompt")
    def resend_prompt(self, request: HttpRequest, rows: QuerySet[Payment]) -> None:
        card = require(request, Right.PROMPTS_RESEND)
        try:
            found = resend_picked(card, list(rows[: MOST + 1]))
        except Problem as problem:
            messages.error(request, problem.detail)
            return
        for each in found:
            self._tell(request, each)

    resend_prompt.needs = Right.PROMPTS_RESEND  # type: ignore[attr-defined]

    def _tell(self, request: HttpRequest, each: Resent) -> None:
        say = messages.success if each.outcome == SENT else messages.error
        say(request, f"{each.payment.reference}: {each.words or IS_SENT}")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        term = search_term.strip()
        return (dossier.matching(queryset, term) if term else queryset), False

    def sections(self, request: HttpRequest, row: Payment) -> list[Section]:
        tries, refunds = dossier.tries_of(row), dossier.refunds_of(row)
        return [
            stories.explained(row),
            stories.story(row),
            stories.tries(tries),
            stories.claims(dossier.claims_of(tries)),
            postings(dossier.transfers_of(row, refunds)),
            stories.refunds(refunds),
            stories.deliveries(dossier.deliveries_of(row, refunds)),
        ]
