"""The result as one JSON document: everything that was taken, nothing dropped."""

from dataclasses import asdict
from typing import Any

from bench.counting import Count
from bench.ratios import CPU, RATIOS, STATEMENTS, STATEMENTS_TARGET
from bench.rounds import Measure

EXCLUDED = (
    "counted are the statements the web server sent; not counted: transaction control (BEGIN, COMMIT, ROLLBACK, "
    "SAVEPOINT), session settings (SET, SHOW, set_config), foreign-key checks (SELECT .. FROM ONLY .. FOR KEY SHARE), "
    "and what functions and triggers ran inside, which is listed below"
)


def make(
    measures: list[Measure], count: Count | None, *, names: list[str], environment: dict[str, Any]
) -> dict[str, Any]:
    """Rounds, ratios, statements and the machine, in plain values."""
    return {
        "environment": environment,
        "ratios": _ratios(measures, count, names),
        "measures": [_measure(measure) for measure in measures],
        "statements": None if count is None else _statements(count),
        "faults": [*(fault for measure in measures for fault in measure.faults), *(count.faults if count else [])],
    }


def _ratios(measures: list[Measure], count: Count | None, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for ratio in RATIOS:
        if ratio.name in names:
            values = ratio.of(measures)
            summary = ratio.summary(values)
            found[ratio.name] = {
                "what": f"{ratio.what}, {ratio.unit} / {ratio.limit}",
                "median": round(summary.median, 3),
                "best": round(summary.best, 3),
                "range": [round(min(values), 3), round(max(values), 3)],
                "values": [round(value, 4) for value in values],
                "target": ratio.target,
                "bound": "at most" if ratio.unit == CPU else "at least",
                "met": summary.meets(ratio.target),
            }
    if count is not None:
        each = round(count.per_request, 3)
        found[STATEMENTS] = {
            "what": "initiate, SQL statements with the key cached",
            "median": each,
            "best": each,
            "range": [each, each],
            "values": [each],
            "target": STATEMENTS_TARGET,
            "bound": "at most",
            "met": each <= STATEMENTS_TARGET,
        }
    return found


def _measure(measure: Measure) -> dict[str, Any]:
    return asdict(measure) | {
        "cpu_us": round(measure.cpu_us, 1),
        "cpu_us_by_tree": {tree: round(measure.tree_us(tree), 1) for tree in measure.cpu},
        "driven_share": round(measure.driven_share, 3),
    }


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
