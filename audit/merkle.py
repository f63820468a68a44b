"""The hash tree over the heads of all streams: its root, and the path that proves one head to be in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last link of one stream: its number and its hash, lower-case hex."""

    stream: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A neighbour on the way up: `left` when it is hashed before what has been reached."""

    side: str
    hash: str


def leaf(head: Head) -> bytes:
    """SHA-256 of 0x00 and the three facts on a line each, so that no leaf can pass for a node."""
    return sha256(b"\x00" + f"{head.stream}\n{head.seq}\n{head.hash}".encode()).digest()


def node(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return sha256(b"\x01" + left + right).digest()


def root(heads: Iterable[Head]) -> str:
    """Hex root over the heads in the order of their streams; the hash of nothing when there are none."""
    level = [leaf(head) for head in ordered(heads)]
    while len(level) > 1:
        level = _above(level)
    return (level[0] if level else sha256(b"").digest()).hex()


def ordered(heads: Iterable[Head]) -> list[Head]:
    """By the code points of the stream's name, whatever the database's collation would have."""
    return sorted(heads, key=lambda head: head.stream)


def path(heads: Iterable[Head], stream: str) -> list[Step]:
    """The steps from the stream's leaf to the root. Raises ValueError when it has none."""
    known = ordered(heads)
    place = [head.stream for head in known].index(stream)
    level, steps = [leaf(head) for head in known], []
    while len(level) > 1:
        beside = place ^ 1
        # Without a neighbour it goes up as it is.
        if beside < len(level):
            steps.append(Step(side="left" if beside < place else "right", hash=level[beside].hex()))
        level, place = _above(level), place // 2
    return steps


def climb(head: Head, steps: Sequence[Step]) -> str:
    """The root that this head and path lead to."""
    reached = leaf(head)
    for step in steps:
        beside = bytes.fromhex(step.hash)
        reached = node(beside, reached) if step.side == "left" else node(reached, beside)
    return reached.hex()


def _above(level: list[bytes]) -> list[bytes]:
    pairs = [node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return pairs + level[len(pairs) * 2 :]
