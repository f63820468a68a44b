"""Queries that go wrong: the fault each one meets, and the outage that lasts until it is healed."""

from __future__ import annotations

import json

from simulator.book import Book, Prompt
from simulator.engine import Simulator
from simulator.faults import ALL_KINDS, NO_WISH, PAID_ONLY, Wish
from simulator.outcomes import PAID

OUTAGE = "query_outage"


def query_fault(simulator: Simulator, prompt: Prompt, *, n: int) -> str:
    """The kind the n-th query of a prompt meets, empty for none.

    A fault wished for when the prompt was opened is met once, by the first query it can be played on.
    """
    planned = json.loads(prompt.plan).get("query")
    if planned == OUTAGE:
        return OUTAGE
    allowed = ALL_KINDS if prompt.result_code == PAID else ALL_KINDS - PAID_ONLY
    wish = Wish(call="query", kind=planned) if planned in allowed else NO_WISH
    if wish is not NO_WISH:
        heal(simulator.book, prompt)
    fault = simulator.draw_fault("query", key=prompt.account_reference, n=n, wish=wish, allowed=allowed)
    return fault.kind if fault else ""


def heal(book: Book, prompt: Prompt) -> None:
    """Queries of this prompt are answered again, but for what a regime draws."""
    book.change(
        "UPDATE prompts SET plan = json_set(plan, '$.query', NULL), query_failures = 0 WHERE checkout_request_id = ?",
        (prompt.checkout_request_id,),
    )


def heal_outages(book: Book) -> None:
    """Queries of every prompt in an outage are answered again."""
    book.change(
        "UPDATE prompts SET plan = json_set(plan, '$.query', NULL) WHERE json_extract(plan, '$.query') = ?", (OUTAGE,)
    )
