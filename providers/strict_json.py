"""Reads JSON from strangers: one object, limited in every direction, numbers exact, text fit for the database."""

import json
from decimal import Decimal
from typing import Any, NoReturn, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

MAX_BYTES = 262_144
MAX_DEPTH = 32
MAX_INTEGER_CHARACTERS = 20
MAX_FRACTION_CHARACTERS = 40


class NotStrict(ValueError):
    """The bytes are no JSON object we are willing to read."""


def load_object(body: bytes, *, largest: int = MAX_BYTES) -> JsonObject:
    """The object in `body`, of `largest` bytes at most: integers as int, fractions as Decimal, no key twice in one.

    Raises NotStrict for anything else, and for text that no database takes: NUL and half surrogate pairs.
    """
    if len(body) > largest:
        raise NotStrict("too long")
    try:
        document = json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_no_constant,
        )
    except NotStrict:
        raise
    except RecursionError:
        raise NotStrict("nested too deeply") from None
    except (ValueError, ArithmeticError) as error:
        raise NotStrict(f"not JSON: {type(error).__name__}") from None
    if not isinstance(document, dict):
        raise NotStrict("not an object")
    _check_content(document)
    return document


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Which of the two the sender meant is anybody's guess, and guesses move money.
        raise NotStrict("a key stands twice")
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_CHARACTERS:
        raise NotStrict("a number is too long")
    return int(text)


def _fraction(text: str) -> Decimal:
    if len(text) > MAX_FRACTION_CHARACTERS:
        raise NotStrict("a number is too long")
    return Decimal(text)


def _no_constant(name: str) -> NoReturn:
    raise NotStrict(f"{name} is no number")


def _check_content(document: JsonObject) -> None:
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [item for container in level for item in _checked_items(container)]
    raise NotStrict("nested too deeply")


def _checked_items(container: Any) -> list[Any]:
    """The containers inside this one, its own text checked."""
    items = [*container.keys(), *container.values()] if isinstance(container, dict) else container
    for item in items:
        if isinstance(item, str) and ("\x00" in item or not _is_encodable(item)):
            raise NotStrict("text that cannot be kept")
    return [item for item in items if isinstance(item, (dict, list))]


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
