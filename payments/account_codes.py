"""Account codes the gateway makes: six to eight digits whose last one shows a slip of the finger."""

import re
from collections.abc import Callable

SHORTEST, LONGEST = 6, 8
_SHAPE = re.compile(r"[1-9][0-9]{5,7}")
# Damm's quasigroup. A digit's row and column are never equal, and no two neighbours commute: one wrong digit and one
# swap of neighbours always leave a rest.
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)


def new_code(length: int = LONGEST, *, draw: Callable[[int], int]) -> str:
    """A code of `length` digits without a leading zero; `draw(n)` gives a number from 0 to n - 1, as secrets.randbelow.

    Free of others only when the database says so. Codes of one shortcode should have one length: then a digit too few
    or too many cannot be another account's code either. Raises ValueError for a length outside 6 to 8.
    """
    if not SHORTEST <= length <= LONGEST:
        raise ValueError(f"A code has {SHORTEST} to {LONGEST} digits.")
    smallest = 10 ** (length - 2)
    body = str(smallest + draw(9 * smallest))
    # The rest of a code is its own check digit: the diagonal of the table is zero.
    return f"{body}{_rest(body)}"


def is_gateway_code(text: str) -> bool:
    """Whether the text is such a code, check digit included. One text of digits in ten is so by chance."""
    return _SHAPE.fullmatch(text) is not None and _rest(text) == 0


def _rest(digits: str) -> int:
    rest = 0
    for digit in digits:
        rest = int(_DAMM[rest][int(digit)])
    return rest
