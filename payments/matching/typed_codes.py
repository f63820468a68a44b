"""What a payer typed as account number: its folded form, how far it is from a code, and the keys that find both."""

import unicodedata
from collections.abc import Sequence
from enum import IntEnum

# Shorter texts are one slip away from everything.
SHORTEST_SLIP = 3
# Longer texts are nobody's account number: they are compared whole, not letter by letter.
LONGEST_SLIP = 64
_LOOK_ALIKE = str.maketrans("OILS", "0115")


class Closeness(IntEnum):
    """How near typed text is to a code; smaller is nearer."""

    EXACT = 0
    FOLDED = 1
    ONE_EDIT = 2
    APART = 3


def fold(text: str) -> str:
    """Letters and digits only, upper case, without accents, O read as 0, I and L as 1, S as 5. May be empty."""
    plain = "".join(character for character in unicodedata.normalize("NFKD", text) if character.isalnum())
    return plain.upper().translate(_LOOK_ALIKE)


def nearest(typed: str, codes: Sequence[str]) -> tuple[Closeness, str]:
    """The nearest of several spellings of one account or payment, the first of them where none is near.

    Text without letters and digits is near nothing.
    """
    folded = fold(typed)
    return min(((_closeness(typed, folded, code), code) for code in codes), key=lambda each: each[0])


def _closeness(typed: str, folded: str, code: str) -> Closeness:
    if not folded:
        return Closeness.APART
    if _exact(typed) == _exact(code):
        return Closeness.EXACT
    other = fold(code)
    if folded == other:
        return Closeness.FOLDED
    return Closeness.ONE_EDIT if is_one_edit_apart(folded, other) else Closeness.APART


def _exact(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip())


def is_one_edit_apart(left: str, right: str) -> bool:
    """One character wrong, missing or too many, or two neighbours swapped, between two folded texts of some length."""
    lengths = sorted((len(left), len(right)))
    if lengths[0] < SHORTEST_SLIP or lengths[1] > LONGEST_SLIP or lengths[1] - lengths[0] > 1:
        return False
    start = _shared(left, right)
    left, right = left[start:], right[start:]
    end = _shared(left[::-1], right[::-1])
    left, right = left[: len(left) - end], right[: len(right) - end]
    is_swap = len(left) == 2 and left == right[::-1]
    return is_swap or max(len(left), len(right)) == 1


def _shared(left: str, right: str) -> int:
    """How many characters two texts begin with together."""
    same = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        same += 1
    return same


def code_keys(code: str) -> set[str]:
    """What to store and index for a code, and for each alias: a text one edit away shares a key with it.

    The folded form, and that form with each of its characters left out: for a code of n characters at most n + 1 keys
    of at most n characters (9 for an account code of eight digits, 21 for twenty characters). An index over them (GIN
    on an array, or a table of keys) answers `search_keys` in as many look-ups as the typed text has characters,
    whatever the number of codes. It finds every exact, folded and one-edit neighbour, and some texts two edits away,
    which `nearest` sorts out.
    """
    folded = fold(code)
    if not SHORTEST_SLIP <= len(folded) <= LONGEST_SLIP:
        return {folded} if folded else set()
    return {folded} | {folded[:place] + folded[place + 1 :] for place in range(len(folded))}


def search_keys(typed: str) -> set[str]:
    """The keys to look for: any code that is the typed text, folds to it or is one edit away stores one of them.

    At most one more than the typed text has characters; empty when nothing was typed.
    """
    return code_keys(typed)
