"""What waits for a human: each room says how to count its own, the first page shows the numbers."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from audit.operators.rights import Right
from onpoint_pay.kit.operator import may


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One number and where the rows behind it are shown."""

    label: str
    count: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counter:
    label: str
    right: Right
    page: str
    query: str
    count: Callable[[], int]


_counters: list[_Counter] = []


def counts(label: str, *, right: Right, page: str, query: str = "") -> Callable[[Callable[[], int]], Callable[[], int]]:
    """Show the decorated function's number to whoever has the right, with a link to the page (a URL name) and query."""

    def keep(count: Callable[[], int]) -> Callable[[], int]:
        _counters.append(_Counter(label=label, right=right, page=page, query=query, count=count))
        return count

    return keep


def waiting_for(request: HttpRequest) -> list[Waiting]:
    """All that the request's operator may see, the empty ones too."""
    return [
        Waiting(label=each.label, count=each.count(), url=f"{reverse(each.page)}{each.query}")
        for each in _counters
        if may(request, each.right)
    ]
