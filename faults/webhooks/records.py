"""What a run left in writing: the receiver's record and the publisher's book, read back."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMMITTED, UNDONE, UNKNOWN = "committed", "undone", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One request that reached a merchant; `at` is in seconds since 1970, `event` the public id."""

    at: float
    path: str
    event: str
    attempt: int
    is_genuine: bool
    connection: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All receipts in their order, and when each connection ended."""

    receipts: list[Receipt]
    ended: dict[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the book: what became of a change, and the event that tells of it."""

    word: str
    at: float
    event: str
    merchant: str
    mode: str
    type: str
    object_id: str


def read_record(path: Path) -> Record:
    receipts, ended = [], {}
    for line in _whole_lines(path):
        word, at, *rest = line.split(" ")
        if word == "went":
            ended[int(rest[0])] = float(at)
        else:
            receipts.append(_receipt(float(at), rest))
    return Record(receipts=receipts, ended=ended)


def read_book(path: Path) -> list[Change]:
    found = []
    for line in _whole_lines(path):
        word, at, event, merchant, mode, type, object_id = line.split(" ")
        found.append(
            Change(word=word, at=float(at), event=event, merchant=merchant, mode=mode, type=type, object_id=object_id)
        )
    return found


def _receipt(at: float, rest: list[str]) -> Receipt:
    path, event, attempt, is_genuine, connection = rest
    return Receipt(
        at=at, path=path, event=event, attempt=int(attempt), is_genuine=is_genuine == "1", connection=int(connection)
    )


def _whole_lines(path: Path) -> Iterator[str]:
    """The last one may still be in the making."""
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield line[:-1]
