"""The shapes of a stranger's question: what a route names, and how to make one that is somebody else's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from merchants.models import Merchant

Make = Callable[[Merchant, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCase:
    """A route that names one object in its path. `make` makes one and returns its name there.

    `in_person` is a route that no key may use, `told` what its owner may be told there besides success; the object is
    the same in `both_modes`, or else of one.
    """

    make: Make
    nonsense: Callable[[], str]
    bodies: dict[str, Any] = field(default_factory=dict)
    in_person: bool = False
    told: tuple[int, ...] = ()
    both_modes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedInBodyCase:
    """A route that names one object in what is sent. `make` makes one and returns all its names."""

    make: Callable[[Merchant, str], list[str]]
    body: Callable[[str], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCase:
    """A route that lists objects. `make` makes one and returns its id; `filters` name it in the query."""

    make: Make
    filters: Callable[[str], dict[str, str]] = lambda name: {}
    in_person: bool = False
    both_modes: bool = False


Case = ObjectCase | NamedInBodyCase | ListCase
