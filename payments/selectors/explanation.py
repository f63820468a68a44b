"""One payment in plain words, from its own evidence."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.explanation import notes, steps
from payments.explanation.situations import Facts, Situation, situation_of
from payments.explanation.words import Words, clock_words
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.states import CLOSED_UNPAID, INITIATED, OP_OPEN, PAID, PENDING

PAYMENTS = "/api/v1/payments/"
# What payers call the provider; one that is not listed is called by its code.
NETWORKS = {"daraja": "M-Pesa"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A payment with its evidence: its tries, what was said about them, and what was paid beyond it."""

    payment: Payment
    ops: list[MoneyOp]
    said: list[str]
    surplus: list[Payment]
    original: MoneyOp | None
    at: datetime
    lang: str

    @property
    def values(self) -> dict[str, str]:
        payment = self.payment
        amount = payment.captured if payment.status in PAID else payment.amount
        return {"network": NETWORKS.get(payment.provider, payment.provider), "amount": self.money(amount)}

    def money(self, minor: int) -> str:
        return f"{self.payment.currency} {Money(minor, self.payment.currency).decimal_text()}"

    def when(self, moment: datetime) -> str:
        return clock_words(moment, now=self.at, lang=self.lang)

    def say(self, words: Words, **more: str) -> str:
        return words.say(self.lang, **self.values, **more)


def explanation_of(payment: Payment, *, lang: str) -> dict[str, Any]:
    """What happened, how sure that is, whose turn it is and what to do; `lang` is `en` or `sw`, times are Nairobi's."""
    case = _case_of(payment, lang)
    situation = situation_of(_facts_of(case))
    links = _links_of(case)
    return {
        "object": "explanation",
        "lang": lang,
        "payment": to_public("pay", payment.id),
        "headline": case.say(situation.headline),
        "what_happened": " ".join([case.say(situation.what_happened), *_notes_of(case)]),
        "certainty": situation.certainty,
        "whose_turn": situation.whose_turn,
        "tell_customer": case.say(situation.tell_customer),
        "do_next": _steps_of(case, situation, links),
        "links": links,
    }


def _case_of(payment: Payment, lang: str) -> Case:
    ops = list(MoneyOp.objects.filter(payment_id=payment.id).select_related("surplus_payment").order_by("id"))
    said = ProviderEvent.objects.filter(op_id__in=[op.id for op in ops]).values_list("status", flat=True)
    return Case(
        payment=payment,
        ops=ops,
        said=list(said),
        surplus=[op.surplus_payment for op in ops if op.surplus_payment is not None],
        original=MoneyOp.objects.filter(surplus_payment_id=payment.id).first() if payment.surplus else None,
        at=now(),
        lang=lang,
    )


def _facts_of(case: Case) -> Facts:
    payment, failure = case.payment, case.payment.failure or {}
    return Facts(
        status=payment.status,
        pending_reason=payment.pending_reason,
        failure_code=failure.get("code"),
        certainty=failure.get("certainty"),
        is_prompt=payment.channel == "stk_push",
        is_in_time=case.at < payment.expires_at,
        is_silent=payment.ended_in_silence,
        is_called_off=payment.cancel_requested_at is not None,
        is_late=payment.late,
        is_surplus=payment.surplus,
    )


# --- what the evidence adds -------------------------------------------------------------------------------------------


def _notes_of(case: Case) -> list[str]:
    payment = case.payment
    found = [case.say(notes.ATTEMPT, n=str(payment.attempts))] if payment.attempts > 1 else []
    if payment.cancel_requested_at is not None:
        found.append(case.say(notes.CALLED_OFF, when=case.when(payment.cancel_requested_at)))
    if payment.status in PAID:
        found += [*_money_notes(case), *_given_back_notes(case)]
    elif payment.status == PENDING:
        found += _waiting_notes(case)
    if "quarantined" in case.said:
        found.append(case.say(notes.DOUBTFUL))
    return found


def _waiting_notes(case: Case) -> Iterator[str]:
    for op in [op for op in case.ops if op.status in OP_OPEN][-1:]:
        if op.sent_at is not None:
            yield case.say(notes.SENT, when=case.when(op.sent_at))
        if op.last_answer_at is not None:
            yield case.say(notes.LAST_ANSWER, when=case.when(op.last_answer_at))
        elif op.checks:
            yield case.say(notes.NO_ANSWER, times=str(op.checks))
        if op.next_check is not None:
            yield case.say(notes.NEXT_ASK, when=case.when(max(op.next_check, case.at)))


def _money_notes(case: Case) -> Iterator[str]:
    payment = case.payment
    if payment.completed_at is not None:
        how = notes.CONFIRMATIONS.get(payment.confirmed_by or "", notes.CONFIRMED)
        yield case.say(how, when=case.when(payment.completed_at))
    if payment.receipt is None:
        yield case.say(notes.NO_RECEIPT)
    else:
        yield case.say(notes.RECEIPT, receipt=payment.receipt)
    if "duplicate" in case.said:
        yield case.say(notes.REPEATED)
    if payment.amount_check != "exact":
        yield case.say(notes.UNDER if payment.amount_check == "under" else notes.OVER)
    if case.surplus:
        yield case.say(notes.ALSO_PAID, surplus=case.money(sum(each.captured for each in case.surplus)))
    if any(op.status in OP_OPEN for op in case.ops):
        yield case.say(notes.STILL_OUT)


def _given_back_notes(case: Case) -> Iterator[str]:
    payment = case.payment
    if payment.refunded and payment.refunded == payment.captured:
        yield case.say(notes.GIVEN_BACK)
    elif payment.refunded:
        yield case.say(notes.PART_GIVEN_BACK, refunded=case.money(payment.refunded))
    if payment.refund_held:
        yield case.say(notes.ON_THE_WAY_BACK, held=case.money(payment.refund_held))


# --- what can be done -------------------------------------------------------------------------------------------------


def _links_of(case: Case) -> dict[str, str]:
    payment = case.payment
    own = f"{PAYMENTS}{to_public('pay', payment.id)}/"
    links = {"payment": own, "timeline": f"{own}timeline/"}
    is_open = payment.status in (INITIATED, PENDING)
    if is_open and payment.cancel_requested_at is None:
        links["cancel"] = f"{own}cancel/"
    if is_open or payment.status in CLOSED_UNPAID:
        links["sync"] = f"{own}sync/"
    if payment.is_safe_to_retry and any(op.kind == "charge" for op in case.ops):
        links["resend"] = f"{own}resend/"
    if payment.captured > payment.refunded + payment.refund_held:
        links["refund"] = f"{PAYMENTS}refund/"
    for surplus in case.surplus[-1:]:
        links["surplus"] = f"{PAYMENTS}{to_public('pay', surplus.id)}/"
    if case.original is not None and case.original.payment_id is not None:
        links["original"] = f"{PAYMENTS}{to_public('pay', case.original.payment_id)}/"
    return links


def _steps_of(case: Case, situation: Situation, links: dict[str, str]) -> list[str]:
    """The situation's steps that can be taken: those that name a link need it to be there."""
    possible = [step for step in situation.do_next if all(name in links for name in steps.links_in(step))]
    return [case.say(step) for step in possible or [steps.NOTHING_LEFT]]
