"""Reads what a running process adds to its log, and picks out the lines a person must see."""

import re
from pathlib import Path

ALARMING = re.compile(r'\b(?:ERROR|CRITICAL|FATAL|PANIC)\b|"level":\s*"(?:error|critical)"|^Traceback ')
LONGEST_LINE = 400


class Tail:
    """A position in a log that grows."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._position = 0
        self._unfinished = b""

    def new_lines(self) -> list[str]:
        """Whole lines written since the last call."""
        try:
            with self.log.open("rb") as log:
                log.seek(self._position)
                added = log.read()
        except OSError:
            return []
        self._position += len(added)
        *lines, self._unfinished = (self._unfinished + added).split(b"\n")
        return [line.decode(errors="replace") for line in lines]


def alarming(lines: list[str]) -> list[str]:
    """Those that report an error, cut to a length a terminal bears."""
    return [line[:LONGEST_LINE] for line in lines if ALARMING.search(line)]


def rotate(log: Path) -> None:
    """Put the log of the last run aside, so that a new one begins empty."""
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
