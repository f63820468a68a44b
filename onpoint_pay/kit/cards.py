"""Telling card numbers in free text: they must never be stored here."""

import re
from collections.abc import Iterator

# Groups of digits as people write them.
GROUPS = re.compile(r"[0-9]+(?:[ -][0-9]+)*")
SHORTEST, LONGEST = 13, 19
# What the networks' numbers begin with, and how long they are: a time in milliseconds or an order's number is none.
NETWORKS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"30[0-5]|3[689]"), (14, 16, 19)),
    (re.compile(r"35(2[89]|[3-8])"), (16, 17, 18, 19)),
    (re.compile(r"6011|64[4-9]|65|62"), (16, 17, 18, 19)),
    (re.compile(r"50[0-9]|5[6-8]|6[37]"), (13, 14, 15, 16, 17, 18, 19)),
)


def holds_card_number(text: str) -> bool:
    """Whether a number of a card network's beginning and length, with the right last digit (Luhn), stands in `text`."""
    runs = (re.split("[ -]", each.group()) for each in GROUPS.finditer(text) if len(each.group()) >= SHORTEST)
    return any(_is_card(digits) for groups in runs for digits in _joined(groups))


def _joined(groups: list[str]) -> Iterator[str]:
    """Every row of neighbouring groups that is as long as a card's number: other digits may stand beside it."""
    for start in range(len(groups)):
        digits = ""
        for group in groups[start:]:
            digits += group
            if len(digits) > LONGEST:
                break
            if len(digits) >= SHORTEST:
                yield digits


def _is_card(digits: str) -> bool:
    is_known = any(begins.match(digits) and len(digits) in lengths for begins, lengths in NETWORKS)
    return is_known and len(set(digits)) > 1 and _checks(digits)


def _checks(digits: str) -> bool:
    """The Luhn sum: every second digit from the right doubled, its own digits added."""
    total = 0
    for place, letter in enumerate(reversed(digits)):
        value = int(letter) << (place & 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
