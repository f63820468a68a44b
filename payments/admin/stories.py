"""Tables that tell of a payment or refund: its story, its tries, what the provider said, what the merchant was sent."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from audit.operators import cells, shown
from audit.operators.pages import Section
from payments.models import MoneyOp, Payment, ProviderEvent, Refund
from payments.selectors.explanation import explanation_of
from payments.selectors.timeline import timeline_of
from webhooks.admin.deliveries import HEADERS as DELIVERY_HEADERS
from webhooks.admin.deliveries import delivery_rows
from webhooks.models import Delivery

MOMENT_HEADERS = ("at", "what", "detail", "by", "shown by")
TRY_HEADERS = ("try", "kind", "amount", "state", "sent", "asked about", "next look")
CLAIM_HEADERS = ("callback", "door", "at", "from", "token", "state", "note")


def explained(payment: Payment) -> Section:
    """In plain words, for whoever has the payer on the phone."""
    told = explanation_of(payment, lang="en")
    rows = [
        ["In short", told["headline"]],
        ["What happened", told["what_happened"]],
        ["How sure that is", told["certainty"]],
        ["Whose turn it is", told["whose_turn"]],
        ["Tell the payer", told["tell_customer"]],
        *[["To do", step] for step in told["do_next"]],
    ]
    return Section(title="Explanation", headers=("", ""), rows=[[name, cells.words(str(text))] for name, text in rows])


def story(payment: Payment) -> Section:
    rows = [
        [
            cells.at(datetime.fromisoformat(moment["at"])),
            moment["title"],
            cells.words(moment["detail"]),
            moment["actor"],
            _evidence(moment["evidence"]),
        ]
        for moment in timeline_of(payment)
    ]
    return Section(title="Timeline", headers=MOMENT_HEADERS, rows=rows)


def _evidence(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return shown.NOTHING
    if found["type"] == "provider_event":
        return shown.link(f"callback {found['ref']}", "payments_providerevent", found["ref"])
    return f"{found['type'].replace('_', ' ')} {found['ref']}"


def tries(ops: Iterable[MoneyOp]) -> Section:
    rows = [
        [
            op.client_ref,
            op.kind,
            cells.amount(op.amount, op.currency),
            op.status,
            cells.at(op.sent_at),
            f"{op.checks}, answered {op.answered_checks}",
            cells.at(op.next_check),
        ]
        for op in ops
    ]
    return Section(title="Tries at the provider", headers=TRY_HEADERS, rows=rows)


def claims(events: Iterable[ProviderEvent], *, title: str = "What the provider said") -> Section:
    rows = [
        [
            shown.link(str(event.pk), "payments_providerevent", event.pk),
            event.door.partition(":")[0],
            cells.at(event.received_at),
            event.source_ip or shown.NOTHING,
            "ours" if event.token_ok else "none of ours",
            event.status,
            cells.words(event.note),
        ]
        for event in events
    ]
    return Section(title=title, headers=CLAIM_HEADERS, rows=rows)


def refunds(rows: Iterable[Refund]) -> Section:
    shown_rows = [
        [
            shown.link(row.reference, "payments_refund", row.pk),
            cells.amount(row.amount, row.currency),
            row.route,
            row.status,
            row.pending_reason or shown.NOTHING,
        ]
        for row in rows
    ]
    return Section(title="Refunds", headers=("refund", "amount", "route", "state", "waits for"), rows=shown_rows)


def deliveries(rows: Iterable[Delivery]) -> Section:
    return Section(title="What the merchant was sent", headers=DELIVERY_HEADERS, rows=delivery_rows(rows))
