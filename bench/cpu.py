"""CPU time from /proc: of process trees with their reaped children, and of the whole machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Reading:
    """Seconds of CPU used so far, by each named process tree, by all we started, and by the whole machine."""

    trees: dict[str, float]
    ours: float
    machine: float
    stolen: float

    def since(self, earlier: "Reading") -> "Reading":
        return Reading(
            {name: self.trees[name] - earlier.trees[name] for name in self.trees},
            self.ours - earlier.ours,
            self.machine - earlier.machine,
            self.stolen - earlier.stolen,
        )


def read(roots: Mapping[str, int]) -> Reading:
    """`roots` is name -> pid. A tree counts user and system time of its live processes and of those they reaped."""
    parents, used = _processes()
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    machine, stolen = _machine()
    trees = {name: _tree_seconds(pid, children, used) for name, pid in roots.items()}
    return Reading(trees, _tree_seconds(os.getpid(), children, used), machine, stolen)


def _processes() -> tuple[dict[int, int], dict[int, float]]:
    parents, used = {}, {}
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue  # it ended just now; its parent counts it
        # The second field is the program's name in brackets and may hold blanks.
        fields = text.rpartition(")")[2].split()
        parents[int(folder.name)] = int(fields[1])
        used[int(folder.name)] = sum(map(int, fields[11:15])) * TICK_SECONDS
    return parents, used


def _tree_seconds(root: int, children: Mapping[int, list[int]], used: Mapping[int, float]) -> float:
    return used.get(root, 0.0) + sum(_tree_seconds(child, children, used) for child in children.get(root, ()))


def _machine() -> tuple[float, float]:
    """Busy seconds of all processors, and seconds the hypervisor gave to others."""
    user, nice, system, _, _, irq, softirq, stolen = map(int, (PROC / "stat").read_text().split(None, 9)[1:9])
    return (user + nice + system + irq + softirq) * TICK_SECONDS, stolen * TICK_SECONDS
