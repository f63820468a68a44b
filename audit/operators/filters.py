"""Filters of lists: by words of ours, by merchant, by age. None of them reads a table to find out what it may offer."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, TextFilter

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import PublicIdInvalid, from_public

AGES = {"1": "Last day", "7": "Last 7 days", "31": "Last 31 days", "all": "All"}
# The key of a row written at a time begins with its milliseconds; clocks of two machines differ by less than this.
SLACK = timedelta(minutes=5)


def one_of(field: str, words: Sequence[str], *, title: str = "") -> type[SimpleListFilter]:
    """Rows whose `field` is the chosen word; an unknown word finds none."""
    return by_words(field, {word: Q(**{field: word}) for word in words}, title=title)


def by_words(name: str, meant: dict[str, Q], *, title: str = "") -> type[SimpleListFilter]:
    """Rows that the chosen word of `meant` stands for."""

    class Filter(DropdownFilter):
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(word, word.replace("_", " ")) for word in meant]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            word = self.value()
            return queryset if not word else queryset.filter(meant.get(word, Q(pk__in=[])))

    Filter.title = title or name.replace("_", " ")
    return Filter


def of_mode() -> type[SimpleListFilter]:
    return one_of("mode", MODES)


def of_merchant(field: str = "merchant_id") -> type[SimpleListFilter]:
    """Rows of the merchant with the typed public id; none for what is no id."""

    class Filter(TextFilter):
        title = "merchant, mer_…"
        parameter_name = "merchant"

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            text = (self.value() or "").strip()
            try:
                return queryset if not text else queryset.filter(**{field: from_public("mer", text)})
            except PublicIdInvalid:
                return queryset.none()

    return Filter


def lately(bound: Callable[[timedelta], Q], *, usual: str = "31") -> type[SimpleListFilter]:
    """Rows that are not older than chosen: `usual` days while nothing is chosen and nothing searched for.

    `bound` says it in words of an index (`by_key`, `by_time`): a list that finds little must not read a whole table.
    """

    class Filter(DropdownFilter):
        title = "age"
        parameter_name = "age"
        all_option = ["", AGES[usual]]

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(word, text) for word, text in AGES.items() if word != usual]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            word = self.value() or ("all" if request.GET.get("q") else usual)
            if word == "all":
                return queryset
            return queryset.filter(bound(timedelta(days=int(word)))) if word in AGES else queryset.none()

    return Filter


def by_key(age: timedelta) -> Q:
    """Of a table whose keys are UUIDv7: the key tells the time, and lists are in its order."""
    milliseconds = int((now() - age - SLACK).timestamp() * 1000)
    return Q(pk__gte=UUID(int=milliseconds << 80))


def by_time(field: str) -> Callable[[timedelta], Q]:
    return lambda age: Q(**{f"{field}__gte": now() - age})
