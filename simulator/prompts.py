"""The life of a prompt: opened by a push, answered by rule or by a person, told by callbacks."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from functools import partial

from simulator.accounts import UTILITY, credit
from simulator.answers import SUBSCRIBER_LOCKED, Refused
from simulator.book import Callback, Prompt
from simulator.callbacks import GAP_SECONDS
from simulator.choices import Course, choose_course, choose_handover, choose_plan
from simulator.confirmations import Telling, book_confirmations
from simulator.delivery import send_when_due
from simulator.engine import Simulator
from simulator.forgeries import all_messages
from simulator.handover import UNLOCKED, Handover
from simulator.money_in import find_money_in
from simulator.outcomes import NO_ANSWER, NO_ANSWER_TEXT, PAID, RIGHT_PIN, WRONG_PIN, CallbackPlan, result_text
from simulator.receipts import fresh_receipt
from simulator.scenarios import Scenario
from simulator.stk_fields import PushOrder


@dataclass(frozen=True, slots=True)
class Opened:
    """A booked prompt, and how the push that opened it is to be answered."""

    prompt: Prompt
    handover: Handover
    plan: CallbackPlan


def open_prompt(simulator: Simulator, order: PushOrder, *, scenario: Scenario) -> Opened:
    """Books a prompt for a push that passed its checks. Raises Refused by rule or fault, or for a locked payer."""
    n = simulator.book.count_pushes(order.account_reference)
    handover = choose_handover(simulator, order, scenario=scenario, n=n)
    refusal = handover.refusal()
    if refusal is not None:
        raise Refused(refusal)
    if simulator.book.is_phone_locked(order.phone, now=simulator.clock.now()):
        raise Refused(SUBSCRIBER_LOCKED)
    course = choose_course(simulator, order, scenario=scenario, n=n)
    plan = choose_plan(simulator, order, scenario=scenario, course=course, n=n)
    prompt = simulator.book.insert_prompt(
        {
            **_columns_of_order(simulator, order),
            **_columns_of_course(simulator, course, locks=handover.kind != UNLOCKED),
            "plan": json.dumps(plan.to_json()),
            "query_failures": scenario.query_failures,
        }
    )
    _wait_for_answer(simulator, prompt)
    return Opened(prompt, handover, plan)


def _columns_of_order(simulator: Simulator, order: PushOrder) -> dict[str, object]:
    return {
        "checkout_request_id": simulator.ids.checkout_request_id(order.phone),
        "merchant_request_id": simulator.ids.request_id(),
        "shortcode": order.shortcode,
        "party_b": order.party_b,
        "amount": order.amount,
        "phone": order.phone,
        "account_reference": order.account_reference,
        "description": order.description,
        "callback_url": order.callback_url,
    }


def _columns_of_course(simulator: Simulator, course: Course, *, locks: bool) -> dict[str, object]:
    """Without a lock the prompt's life is over at once, and the payer is free for another."""
    now, real = simulator.clock.now(), simulator.switches.real_seconds
    return {
        "opened_at": now,
        "dies_at": now + real(simulator.settings.prompt_seconds) if locks else now,
        "answer_at": None if course.after_seconds is None else now + real(course.after_seconds),
        "planned_code": course.code,
        "planned_text": course.text,
        "by_hand": course.by_hand,
    }


def resume(simulator: Simulator) -> None:
    """Sets the timers of every open prompt and unsent callback in the book: at start, and after a change of pace."""
    for prompt in simulator.book.open_prompts():
        _wait_for_answer(simulator, prompt)
    for callback in simulator.book.unsent_callbacks():
        send_when_due(simulator, callback)


def _wait_for_answer(simulator: Simulator, prompt: Prompt) -> None:
    if prompt.answer_at is not None:
        simulator.timers.at(prompt.answer_at, partial(_answer_if_due, simulator, prompt.checkout_request_id))


def _answer_if_due(simulator: Simulator, checkout_request_id: str) -> None:
    prompt = simulator.book.prompt(checkout_request_id)
    if prompt is None or not prompt.is_open or prompt.answer_at is None:
        return
    if prompt.answer_at > simulator.clock.now():
        _wait_for_answer(simulator, prompt)
    else:
        decide(simulator, prompt, code=prompt.planned_code, text=prompt.planned_text)


def decide(simulator: Simulator, prompt: Prompt, *, code: str, text: str) -> list[Callback]:
    """Gives a prompt its one outcome and books the callbacks that tell it. No effect on a decided prompt."""
    now = simulator.clock.now()
    with simulator.book.transaction():
        receipt = fresh_receipt(simulator.book, now) if code == PAID else None
        settled = simulator.book.settle_prompt(
            prompt.checkout_request_id, code=code, text=text, receipt=receipt, at=now
        )
        plan = CallbackPlan(**json.loads(prompt.plan))
        callbacks = [] if settled is None else _book_callbacks(simulator, settled, plan=plan)
        if settled is not None and settled.receipt is not None:
            callbacks += _receive_money(simulator, settled, receipt=settled.receipt, plan=plan)
    for callback in callbacks:
        send_when_due(simulator, callback)
    return callbacks


def _book_callbacks(simulator: Simulator, prompt: Prompt, *, plan: CallbackPlan) -> list[Callback]:
    now, real = simulator.clock.now(), simulator.switches.real_seconds
    stranger = simulator.book.other_prompt(prompt.number) if plan.lie or plan.forged else None
    return [
        simulator.book.insert_callback(
            {
                "checkout_request_id": prompt.checkout_request_id,
                "url": message.url or prompt.callback_url,
                "result_code": message.result_code,
                "body": message.body,
                "due_at": now + real(message.after_seconds),
            }
        )
        for message in all_messages(prompt, plan, stranger=stranger)
    ]


def _receive_money(simulator: Simulator, prompt: Prompt, *, receipt: str, plan: CallbackPlan) -> list[Callback]:
    """Daraja: the money lands in Utility, and a shortcode with registered URLs may be told as of a C2B payment too."""
    credit(simulator.book, prompt.shortcode, UTILITY, prompt.amount * 100)
    money = find_money_in(simulator.book, receipt) if plan.confirm_copies else None
    if money is None:
        return []
    after = plan.confirm_delay_seconds + (0.0 if plan.confirm_first else GAP_SECONDS)
    telling = Telling(copies=plan.confirm_copies, delay_seconds=after, shortcode=plan.confirm_shortcode)
    return book_confirmations(simulator, money, telling=telling)


async def tell_early(simulator: Simulator, prompt: Prompt) -> None:
    """Decides at once and waits until what is due has reached its receiver, so that the callback wins the race."""
    callbacks = decide(simulator, prompt, code=prompt.planned_code, text=prompt.planned_text)
    due = [callback for callback in callbacks if callback.due_at <= simulator.clock.now()]
    await asyncio.gather(*(simulator.courier.deliver(callback.number) for callback in due))


def enter_pin(simulator: Simulator, prompt: Prompt, *, pin: str) -> None:
    """A person types a PIN: the right one pays, any other ends the prompt with 2001."""
    code = PAID if pin == RIGHT_PIN else WRONG_PIN
    decide(simulator, prompt, code=code, text=result_text(code))


def ignore(simulator: Simulator, prompt: Prompt) -> None:
    """Nobody will answer: the prompt ends with 1037 when its life does, at once if that is past."""
    simulator.book.leave_to_payer(
        prompt.checkout_request_id, answer_at=prompt.dies_at, code=NO_ANSWER, text=NO_ANSWER_TEXT
    )
    _wait_for_answer(simulator, replace(prompt, answer_at=prompt.dies_at))


def hold_phone(simulator: Simulator, phone: str) -> None:
    """A person takes the phone in hand: neither its next prompts nor the open ones are answered by rule."""
    simulator.switches.hold(phone, held=True)
    for prompt in simulator.book.open_prompts(phone):
        ignore(simulator, prompt)


def resend_callback(simulator: Simulator, prompt: Prompt) -> None:
    """Tells the true outcome of a decided prompt once more, now."""
    for callback in _book_callbacks(simulator, prompt, plan=CallbackPlan()):
        send_when_due(simulator, callback)
