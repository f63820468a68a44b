"""The result as one JSON document: everything that was taken, nothing dropped."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from bench.counting import Count
from bench.figures import Figure, Take
from bench.hooks.figures import FIGURES as OF_WEBHOOKS
from bench.money.figures import FIGURES as OF_MONEY
from bench.ratios import CPU, RATIOS, STATEMENTS, STATEMENTS_TARGET, Summary, describe_values
from bench.rounds import Measure

EXCLUDED = (
    "counted are the statements the web server sent; not counted: transaction control (BEGIN, COMMIT, ROLLBACK, "
    "SAVEPOINT), session settings (SET, SHOW, set_config), foreign-key checks (SELECT .. FROM ONLY .. FOR KEY SHARE), "
    "and what functions and triggers ran inside, which is listed below"
)


def make(
    measures: list[Measure],
    count: Count | None,
    takes: list[Take],
    money: list[Take],
    *,
    names: list[str],
    environment: dict[str, Any],
) -> dict[str, Any]:
    """Rounds, ratios, statements, measurements of webhooks and of money, and the machine, in plain values."""
    return {
        "environment": environment,
        "ratios": _ratios(measures, count, names)
        | _figures(OF_WEBHOOKS, takes, names)
        | _figures(OF_MONEY, money, names),
        "measures": [_measure(measure) for measure in measures],
        "webhooks": [_take(take) for take in takes],
        "money": [_take(take) for take in money],
        "statements": None if count is None else _statements(count),
        "faults": [
            *(fault for measure in measures for fault in measure.faults),
            *(fault for take in (*takes, *money) for fault in take.faults),
            *(count.faults if count else []),
        ],
    }


def _ratios(measures: list[Measure], count: Count | None, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for ratio in RATIOS:
        if ratio.name in names:
            bound = "at most" if ratio.unit == CPU else "at least"
            found[ratio.name] = {"what": f"{ratio.what}, {ratio.unit} / {ratio.limit}"} | describe_values(
                ratio.summary(ratio.of(measures)), target=ratio.target, bound=bound
            )
    if count is not None:
        counted = Summary([count.per_request], low_is_good=True)
        found[STATEMENTS] = {"what": "initiate, SQL statements with the key cached"} | describe_values(
            counted, target=STATEMENTS_TARGET, bound="at most"
        )
    return found


def _figures(figures: Iterable[Figure], takes: list[Take], names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for figure in figures:
        if figure.name in names:
            bound = "at most" if figure.low_is_good else "at least"
            found[figure.name] = {"what": figure.what} | describe_values(
                figure.summary(figure.values(takes)), target=figure.target, bound=bound
            )
    return found


def _measure(measure: Measure) -> dict[str, Any]:
    return asdict(measure) | {
        "cpu_us": round(measure.cpu_us, 1),
        "cpu_us_by_tree": {tree: round(measure.tree_us(tree), 1) for tree in measure.cpu},
        "driven_share": round(measure.driven_share, 3),
    }


def _take(take: Take) -> dict[str, Any]:
    return asdict(take) | {"cpu_us_by_tree": {tree: round(take.us(tree), 1) for tree in take.cpu}}


def _statements(count: Count) -> dict[str, Any]:
    listed = [
        {
            "per_request": round(statement.calls / max(count.requests, 1), 3),
            "sent": statement.sent,
            "excluded_as": statement.excluded_as,
            "text": statement.text,
        }
        for statement in count.statements
    ]
    return {
        "requests": count.requests,
        "per_request": round(count.per_request, 3),
        "inside_functions_per_request": round(count.inside_per_request, 3),
        "rule": EXCLUDED,
        "list": listed,
    }
