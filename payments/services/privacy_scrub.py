"""Taking one person out of a text, a JSON value or raw bytes: every spelling of the phone, the addresses, the names."""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import orjson

SHORTEST_NAME = 3
# As people write a number: nothing, a blank, a point or a hyphen between two digits.
GAP = "[ .-]?"
# A statement's line of a movement; what is longer is a file of one line.
LONGEST_LINE = 2000
FIRST_CELL = re.compile(r"[^,;|\t]*[,;|\t]")
WORD = re.compile(r"\b[^\W\d_]+\b")


class Needles:
    """What one person is known by here. `token` is put in the place of it, the same wherever it stands.

    `phones` are canonical, as kit.phone gives them, `exact` are texts such as hashes of the number, `names` count
    with each of their parts.
    """

    def __init__(
        self,
        *,
        token: str,
        phones: Iterable[str] = (),
        emails: Iterable[str] = (),
        exact: Iterable[str] = (),
        names: Iterable[str] = (),
    ) -> None:
        self.token = token
        self.phones = sorted(set(phones))
        self.emails = sorted({email.lower() for email in emails})
        self.exact = sorted(set(exact))
        self.names = sorted(set(names))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """One pass for all of it; the longest forms first."""
        cores = [GAP.join(phone[-9:]) for phone in self.phones]
        # The checkout id ends in the number, after a stamp of so many digits.
        starts = "|".join([rf"(?<![0-9])(?:\+?254{GAP}|0)?", *(rf"(?<=ws_CO_.{{{size}}})" for size in (15, 16, 17))])
        spelled = [rf"(?:{starts}){core}(?![0-9])" for core in cores]
        words = [re.escape(text) for text in sorted([*self.exact, *self.emails], key=len, reverse=True)]
        parts = {part for name in self.names for part in [name, *name.split()] if len(part) >= SHORTEST_NAME}
        named = [rf"\b{re.escape(part)}\b" for part in sorted(parts, key=len, reverse=True)]
        return re.compile("|".join([*spelled, *words, *named]) or r"(?!)", re.IGNORECASE)

    def text(self, text: str) -> str:
        return self._pattern.sub(self.token, text)

    def starred(self, raw: bytes) -> bytes:
        """With as many stars as there were letters, so that nothing behind them moves.

        Of a line that names the person the words go too, for they may be a name; first cell, numbers and times stay.
        """
        text = raw.decode("latin-1")
        if not self._pattern.search(text):
            return raw
        return "".join(self._starred_line(line) for line in text.splitlines(keepends=True)).encode("latin-1")

    def _starred_line(self, line: str) -> str:
        if not self._pattern.search(line):
            return line
        if len(line) <= LONGEST_LINE:
            first = FIRST_CELL.match(line)
            cut = first.end() if first else 0
            line = line[:cut] + WORD.sub(_stars, line[cut:])
        return self._pattern.sub(_stars, line)

    def is_in(self, raw: bytes) -> bool:
        """Whether the person is spelled in a body or file."""
        return self._pattern.search(raw.decode("latin-1")) is not None

    def json(self, value: Any) -> Any:
        """The value without the person; a text or number that was nothing else becomes null."""
        if isinstance(value, str):
            left = self.text(value)
            return None if left == self.token != value else left
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return None if self.text(str(value)) == self.token else value
        if isinstance(value, dict):
            return {self.text(name): self.json(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.json(inner) for inner in value]
        return value

    def document(self, text: str) -> str:
        """Text that may be a JSON document, written anew only when something in it changed."""
        if text[:1] not in ("{", "["):
            return self.text(text)
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return self.text(text)
        left = self.json(value)
        return text if left == value else orjson.dumps(left).decode()

    def raw(self, body: bytes) -> bytes:
        """A body as it came in: JSON where it can be read, else its bytes."""
        try:
            return self.document(body.decode()).encode()
        except UnicodeDecodeError:
            return self.text(body.decode("latin-1")).encode("latin-1")

    def sql(self) -> str:
        """A PostgreSQL pattern that finds what `text` may change, names left out: they are many people's."""
        cores = [GAP.join(phone[-9:]) for phone in self.phones]
        words = [re.escape(text) for text in [*self.exact, *self.emails]]
        return "|".join([*cores, *words])


def _stars(found: re.Match[str]) -> str:
    return "*" * len(found[0])
