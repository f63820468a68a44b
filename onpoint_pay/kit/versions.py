"""Versions of single objects over HTTP: told in ETag, and asked for in If-Match by whoever must not undo another's."""

import re

from django.http import HttpRequest, HttpResponse

from onpoint_pay.kit.errors import Problem

ENTITY_TAG = re.compile(r'"([1-9][0-9]{0,8})"')


def with_version(answer: HttpResponse, version: int) -> HttpResponse:
    """The same answer, naming its version."""
    answer["ETag"] = f'"{version}"'
    return answer


def version_asked(request: HttpRequest) -> int | None:
    """What If-Match says the caller has read; None when it does not matter to them. Raises Problem version_conflict.

    A tag that none of ours could be names no version there is.
    """
    text = request.headers.get("If-Match", "*").strip()
    if text == "*":
        return None
    found = ENTITY_TAG.fullmatch(text)
    if found is None:
        raise version_conflict()
    return int(found[1])


def version_conflict() -> Problem:
    return Problem("version_conflict", "It has changed since the version that If-Match names.")
