"""JSON in and out: a strict parser that keeps the digits of numbers, and a fast renderer.

The REST framework loads both while its views are being defined, so nothing here may import views.
"""

import json
import math
from typing import Any, NoReturn

import orjson
from django.conf import settings
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer

from onpoint_pay.kit.errors import Problem

MAX_DEPTH = 20


class DecimalText(str):
    """A JSON number as it was written: amounts are read from its digits, never through binary floating point."""

    __slots__ = ()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _check_shape(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("holds a NUL character")
        value.encode()
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_shape(key, depth)
            _check_shape(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_shape(item, depth + 1)


def parse_json(body: bytes) -> Any:
    """Strict JSON: no NaN, no repeated keys, no NUL, at most 20 levels. Raises Problem invalid_json."""
    try:
        value = json.loads(
            body.decode(),
            parse_float=DecimalText,
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_twins,
        )
        _check_shape(value)
    except (ValueError, RecursionError) as error:
        raise Problem("invalid_json", f"The body cannot be read as JSON: {str(error)[:120]}.") from error
    return value


class StrictJSONParser(JSONParser):
    """Reads a body of at most 256 KiB; an empty one counts as an empty object."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(body) > settings.MAX_BODY_BYTES:
            raise Problem("body_too_large")
        return parse_json(body) if body.strip() else {}


def plain_number(value: Any) -> Any:
    """Numbers that are not money, for keeping in metadata: `DecimalText` becomes an ordinary number."""
    if isinstance(value, DecimalText):
        number = float(value)
        return number if math.isfinite(number) else str(value)
    return value


class FastJSONRenderer(JSONRenderer):
    """JSON by orjson: the same text, less time."""

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else orjson.dumps(data, default=str)
