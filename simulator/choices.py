"""What becomes of a push, decided when it arrives: how it is handed over, how it ends, how it is told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.answers import SYSTEM_BUSY
from simulator.callbacks import open_doors, spoil
from simulator.confirmations import Telling, draw_telling
from simulator.engine import Simulator
from simulator.faults import ALL_KINDS, PAID_ONLY
from simulator.handover import Handover
from simulator.money_in import has_paid
from simulator.outcomes import (
    BUSY_ONCE,
    MAX_AMOUNT_KES,
    NO_ANSWER,
    NO_ANSWER_TEXT,
    NOT_PERMITTED,
    OPERATOR_MISSING,
    ORDINARY_PHONE,
    OVER_MAXIMUM,
    PAID,
    PHONES,
    RULE_LIMITED,
    CallbackPlan,
    result_text,
)
from simulator.scenarios import Scenario
from simulator.shortcode_switches import switches_of
from simulator.stk_fields import PAYBILL, PushOrder

RULE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Course:
    """Where an open prompt is heading if nobody steps in. `after_seconds` None = it stays open."""

    code: str
    text: str
    after_seconds: float | None
    by_hand: bool = False


def choose_handover(simulator: Simulator, order: PushOrder, *, scenario: Scenario, n: int) -> Handover:
    """The header wins, then the test phones, then the fault regime. `n` = pushes seen with this reference."""
    wish = scenario.wish
    kind = scenario.handover or (None if wish.call == "push" else PHONES.get(order.phone, ORDINARY_PHONE).handover)
    if kind == BUSY_ONCE:
        return Handover("push_busy" if _is_to_be_told_busy(simulator, order) else "")
    if kind is not None:
        return Handover(kind)
    fault = simulator.draw_fault("push", key=order.account_reference, n=n, wish=wish)
    return Handover() if fault is None else Handover(fault.kind, fault.dice)


def _is_to_be_told_busy(simulator: Simulator, order: PushOrder) -> bool:
    """Busy the first time; then the same reference works, and so does the phone's next push."""
    return not simulator.book.was_told_busy(
        phone=order.phone, account_reference=order.account_reference, code=SYSTEM_BUSY.code
    )


def choose_course(simulator: Simulator, order: PushOrder, *, scenario: Scenario, n: int) -> Course:
    """The header wins, then a person holding the phone, then the request itself, the test phones and the mix."""
    switches = simulator.switches
    held = scenario.result_code is None and switches.is_answered_by_hand(order.phone)
    if scenario.by_hand or held:
        return Course(NO_ANSWER, NO_ANSWER_TEXT, simulator.settings.prompt_seconds, by_hand=True)
    rule = PHONES.get(order.phone, ORDINARY_PHONE)
    code = (
        scenario.result_code or _refusal_by_content(simulator, order) or _refusal_by_rule(simulator, order) or rule.code
    )
    if scenario.result_code is None and order.phone not in PHONES and code == PAID and switches.mix:
        code = switches.mix.draw(key=order.account_reference, n=n)
    answers = rule.answers or scenario.result_code is not None
    return Course(code, result_text(code), switches.approve_seconds if answers else None)


def _refusal_by_content(simulator: Simulator, order: PushOrder) -> str | None:
    """Result code of a push that is accepted at first and cannot be carried out. Daraja: pairing and ceiling."""
    if order.transaction_type == PAYBILL and order.party_b != order.shortcode:
        return OPERATOR_MISSING
    tills = simulator.book.tills_of(order.shortcode)
    if order.transaction_type != PAYBILL and tills and order.party_b not in tills:
        return NOT_PERMITTED
    return OVER_MAXIMUM if order.amount > MAX_AMOUNT_KES else None


def _refusal_by_rule(simulator: Simulator, order: PushOrder) -> str | None:
    """Daraja: the same amount from the same payer within two minutes; only where the shortcode's switch is on."""
    if not switches_of(simulator.book, order.shortcode).rule_17:
        return None
    since = simulator.clock.now() - simulator.switches.real_seconds(RULE_SECONDS)
    again = has_paid(simulator.book, order.shortcode, phone=order.phone, cents=order.amount * 100, since=since)
    return RULE_LIMITED if again else None


def choose_plan(simulator: Simulator, order: PushOrder, *, scenario: Scenario, course: Course, n: int) -> CallbackPlan:
    """How the outcome is told: by callback and by C2B confirmation, with what forgeries, and to those who ask."""
    plan = _plan_callbacks(simulator, order, scenario=scenario, course=course, n=n)
    telling = _plan_confirmation(simulator, order, scenario=scenario, n=n)
    plan = replace(
        plan,
        confirm_copies=telling.copies,
        confirm_delay_seconds=telling.delay_seconds,
        confirm_shortcode=telling.shortcode,
        confirm_first=scenario.confirm_first,
        query=_plan_queries(simulator, order, scenario=scenario, n=n),
    )
    forgery = simulator.draw_fault("forgery", key=order.account_reference, n=n, wish=scenario.wish)
    plan = replace(plan, forged=forgery.kind) if forgery else plan
    if scenario.shapes_callbacks or scenario.shapes_confirmation:
        return plan
    doors = simulator.draw_fault(
        "doors", key=order.account_reference, n=n, wish=scenario.wish, allowed=_tellable(course)
    )
    return open_doors(plan, doors) if doors else plan


def _plan_callbacks(
    simulator: Simulator, order: PushOrder, *, scenario: Scenario, course: Course, n: int
) -> CallbackPlan:
    """A header or test phone that shapes callbacks keeps faults away from them."""
    plan, wish = PHONES.get(order.phone, ORDINARY_PHONE).plan, scenario.wish
    if scenario.shapes_callbacks:
        return scenario.adjust(plan)
    if wish.call == "callback":
        plan = ORDINARY_PHONE.plan
    elif plan != ORDINARY_PHONE.plan:
        return plan
    allowed = _tellable(course)
    if course.by_hand or course.after_seconds is None:
        allowed -= {"callback_early"}
    fault = simulator.draw_fault("callback", key=order.account_reference, n=n, wish=wish, allowed=allowed)
    return plan if fault is None else spoil(plan, fault, late_seconds=simulator.late_seconds)


def _tellable(course: Course) -> frozenset[str]:
    """The kinds that do not tell of money this course will not move."""
    return ALL_KINDS if course.code == PAID else ALL_KINDS - PAID_ONLY


def _plan_queries(simulator: Simulator, order: PushOrder, *, scenario: Scenario, n: int) -> str | None:
    """The fault the first query meets if the header wishes one, or the outage that all of them meet."""
    wish = scenario.wish
    if wish.call == "query":
        return wish.kind
    outage = simulator.draw_fault("outage", key=order.account_reference, n=n, wish=wish)
    return outage.kind if outage else None


def _plan_confirmation(simulator: Simulator, order: PushOrder, *, scenario: Scenario, n: int) -> Telling:
    """The header wins over the shortcode's switch and keeps faults away. Without effect unless the prompt is paid."""
    if scenario.shapes_confirmation:
        wanted = scenario.confirm is not False and not scenario.confirm_lost
        return Telling(copies=int(wanted))
    if not switches_of(simulator.book, order.shortcode).stk_confirmations:
        return Telling(copies=0)
    return draw_telling(simulator, key=order.account_reference, n=n, wish=scenario.wish)
