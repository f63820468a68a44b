"""The result as one table for people: ratios with their targets, and what they rest on."""

from statistics import median
from typing import Any

from bench.figures import Take
from bench.ratios import STATEMENTS
from bench.rounds import PRODUCT, Measure

# The load and the provider's stand-in share the machine with what they drive; above this they slow it down.
HEAVY_SHARE = 0.15
KEPT_RATE = 0.9
MEASURES_HEAD = (
    f"{'medians':18}{'requests/s':>11}{'CPU us':>9}{'web':>8}{'postgres':>10}{'valkey':>8}{'driving':>9}{'others':>8}"
)
# Those who work, the database, and the other side.
WORKING = ("worker", "tasks", "control-1", "control-2", "writers", "books")
TREES = (WORKING, ("postgres",), ("valkey",), ("sink",), ("inside",))
TAKES_HEAD = (
    f"{'medians, us of CPU':18}{'a second':>11}{'working':>10}{'postgres':>10}{'valkey':>10}{'sink':>10}{'commits':>10}"
    f"{'others':>8}"
)


def draw(result: dict[str, Any], measures: list[Measure], takes: list[Take]) -> str:
    """The table of ratios with targets, what it rests on, and the list of statements."""
    parts = [_ratio_lines(result["ratios"]), _measure_lines(measures), _take_lines(takes)]
    if result["statements"]:
        parts.append(_statement_lines(result["statements"]))
    parts.append(_environment_lines(result["environment"], measures))
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _ratio_lines(ratios: dict[str, Any]) -> list[str]:
    lines = [f"{'':5}{'ratio':58}{'median':>8}{'best':>8}  {'range':16}{'target (no gate yet)'}"]
    for name, found in sorted(ratios.items(), key=lambda each: place_of(each[0])):
        spread = f"{found['range'][0]:.2f} - {found['range'][1]:.2f}"
        target = "" if found["target"] is None else f"{found['bound']} {found['target']:g}"
        verdict = {True: "  met", False: "  MISSED", None: "for information"}[found["met"]]
        lines.append(
            f"{name:5}{found['what']:58}{found['median']:8.2f}{found['best']:8.2f}  {spread:16}{target}{verdict}"
        )
    return lines


def _measure_lines(measures: list[Measure]) -> list[str]:
    if not measures:
        return []
    lines = [MEASURES_HEAD]
    for name in dict.fromkeys(measure.name for measure in measures):
        rounds = [measure for measure in measures if measure.name == name]
        trees = [
            median(measure.tree_us("empty" if name == "L-web" and tree == "web" else tree) for measure in rounds)
            for tree in PRODUCT
        ]
        shown = [f"{value:.0f}" for value in trees]
        lines.append(
            f"{name:18}{median(m.per_second for m in rounds):11.0f}{median(m.cpu_us for m in rounds):9.0f}"
            f"{shown[0]:>8}{shown[1]:>10}{shown[2]:>8}"
            f"{median(m.driven_share for m in rounds):9.0%}{median(m.unrelated for m in rounds):8.0%}"
        )
    return lines


def place_of(name: str) -> tuple[str, int, str]:
    """W9 before W10."""
    letters = name[1:].lstrip("0123456789")
    return name[0], int(name[1 : len(name) - len(letters)]), letters


def _take_lines(takes: list[Take]) -> list[str]:
    counted = [take for take in takes if take.round]
    if not counted:
        return []
    lines = [TAKES_HEAD]
    for name in dict.fromkeys(take.name for take in counted):
        rounds = [take for take in counted if take.name == name]
        trees = [median(take.us(*names) for take in rounds) for names in TREES]
        values = {label: median(take.values[label] for take in rounds) for label in rounds[0].values}
        lines.append(
            f"{name:18}{median(take.per_second for take in rounds):11.0f}"
            + "".join(f"{used:10.0f}" for used in trees)
            + f"{median(take.unrelated for take in rounds):8.0%}  "
            + "  ".join(f"{label} {value:.2f}" for label, value in values.items())
        )
    slow = sorted({take.name for take in counted if take.per_second < KEPT_RATE * take.asked})
    lost = sorted({take.name for take in counted if take.bells_lost})
    if lost:
        lines.append(f"bells were lost, so some waited for the drains to look by themselves: {', '.join(lost)}")
    if slow:
        lines.append(f"the commits could not keep their rate, so the waits are of a lower one: {', '.join(slow)}")
    return lines


def _statement_lines(found: dict[str, Any]) -> list[str]:
    inside = f"{found['inside_functions_per_request']:.1f} each"
    lines = [f"{STATEMENTS}: {found['requests']} initiates; {found['rule']} ({inside})."]
    for line in found["list"]:
        where = "sent  " if line["sent"] else "inside"
        note = f"  [not counted: {line['excluded_as']}]" if line["excluded_as"] else ""
        lines.append(f"  {line['per_request']:7.2f}  {where}  {line['text'][:130]}{note}")
    return lines


def _environment_lines(environment: dict[str, Any], measures: list[Measure]) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    database = ", ".join(f"{name} {value}" for name, value in environment["database"].items())
    machine = environment["machine"]
    lines = [
        f"{versions}",
        f"PostgreSQL: {database}",
        f"{machine['processor']}, {machine['processors']} processors, kernel {machine['kernel']}; "
        f"gunicorn {environment['workers']} workers x {environment['threads']} threads",
        f"L-fsync: {environment['fsync_ms']:.2f} ms for fdatasync of 8 kB",
    ]
    if measures:
        others, stolen = [m.unrelated for m in measures], [m.stolen for m in measures]
        lines.append(
            f"unrelated programs took {median(others):.0%} of the machine (at worst {max(others):.0%}), "
            f"the hypervisor {median(stolen):.0%}"
        )
    heavy = sorted({m.name for m in measures if m.driven_share > HEAVY_SHARE and m.cpu["load"]})
    if heavy:
        lines.append(
            f"load and provider took over {HEAVY_SHARE:.0%} of the CPU, rates are too low there: {', '.join(heavy)}"
        )
    return lines
