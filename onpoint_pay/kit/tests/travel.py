"""Another time for tests: of the host's clock, and of what this process keeps of the database's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar
from unittest import TestCase, mock

import time_machine

from onpoint_pay.kit import clock

C = TypeVar("C", bound=TestCase)


@contextmanager
def travel(to: datetime | str | float, *, tick: bool = True) -> Iterator[time_machine.Traveller]:
    """The product's time is `to`, and goes on from there or, without `tick`, stands until it is moved.

    The database's own clock stays: what it stamps is of today.
    """
    deaf = mock.patch.multiple(clock, _heard=None, _ask=None, hear=lambda said, took: None)
    with deaf, time_machine.travel(to, tick=tick) as traveller:
        yield traveller


def standing_at(to: str) -> Callable[[type[C]], type[C]]:
    """Of a class of tests: the time stands still in all of them."""

    def decorate(case: type[C]) -> type[C]:
        begin = case.setUpClass.__func__  # type: ignore[attr-defined]

        def set_up(cls: type[C]) -> None:
            cls.enterClassContext(travel(to, tick=False))
            begin(cls)

        case.setUpClass = classmethod(set_up)  # type: ignore[assignment]
        return case

    return decorate
