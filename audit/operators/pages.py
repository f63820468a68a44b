"""The base of every page of the operators: read-only, by right, with every look on record."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin import ShowFacets
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from audit.operators.deeds import Deed, WhyForm, prove_first, require
from audit.operators.rights import Right
from audit.services.looks import note_list, note_look, note_unmasked
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from onpoint_pay.kit.operator import may

PLAIN_LOOKUPS = frozenset({"exact", "in", "isnull", "gte", "lt"})
# What a filter may say in clear in a chain that forgets nothing: words of ours, public ids, days. The rest: a digest.
PLAIN = re.compile(r"[a-z_]{1,32}|[a-z]{2,4}_[0-9A-Z]{26}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table under an object: what else is known of it. Cells are text, escaped where they are shown."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]] = field(default_factory=list)


class OperatorPage(ModelAdmin):
    """Rows that the system owns: nobody adds, changes or removes one here.

    A page names `sees`, the right it needs, `heading` for the menu, `fields` or `fieldsets` (never a whole table),
    and may name `prefix` of its public ids, `finds` (fields of unique or indexed text, found as a whole), `deeds`,
    `personal` (label and how to read it) for what is masked, and `sections`.
    """

    sees: ClassVar[Right]
    heading: ClassVar[str] = ""
    prefix: ClassVar[str] = ""
    finds: ClassVar[tuple[str, ...]] = ()
    deeds: ClassVar[tuple[Deed, ...]] = ()
    personal: ClassVar[Mapping[str, Callable[[Any], str]]] = {}

    actions: Any = ()
    ordering: Any = ("-pk",)
    sortable_by: Any = ()
    paginator: Any = InfinitePaginator
    show_full_result_count = False
    # Counting what each filter would find reads the table once for each.
    show_facets: Any = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    # What is not on the page nobody has looked at.
    list_disable_select_all = True
    list_filter_submit = True
    show_add_link = False
    search_help_text = "The whole id or reference."
    change_form_outer_before_template = "operators/deeds.html"
    change_form_outer_after_template = "operators/sections.html"

    def __init__(self, model: type[Model], admin_site: Any) -> None:
        if not (self.fields or self.fieldsets):
            raise ImproperlyConfigured(f"{type(self).__name__} must name the fields it shows.")
        if self.finds or self.prefix:
            self.search_fields = self.finds or ("pk",)
        super().__init__(model, admin_site)

    # --- whom a page is shown to ------------------------------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, self.sees)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.sees)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Only those made by `bulk`, to whoever has their right."""
        found = {name: action for name, action in super().get_actions(request).items() if action is not None}
        return {name: each for name, each in found.items() if may(request, getattr(each[0], "needs", ""))}

    # --- what a page may be asked -----------------------------------------------------------------------------------

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """The filters that are drawn, and no others: each further one would be a way to guess what is masked."""
        field, _, how = lookup.partition("__")
        drawn = {_name_of(each): isinstance(each, type) for each in self.list_filter}
        # A filter of ours reads its own name only; what a name may be followed by goes no further than the field.
        return field in drawn and (not how or (not drawn[field] and how in PLAIN_LOOKUPS))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        """By the whole of a public id or of a field in `finds`; parts of words would read whole tables."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=self._key_of(term)), False
        except PublicIdInvalid:
            found = Q(pk__in=[])
            for name in self.finds:
                found |= Q(**{name: term})
            return queryset.filter(found), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """By the key, or by the public id, which people paste."""
        try:
            return super().get_object(request, str(self._key_of(object_id)))
        except PublicIdInvalid:
            return super().get_object(request, object_id)

    def _key_of(self, text: str) -> UUID | int:
        key = from_public(self.prefix or " ", text)
        return key if self.model._meta.pk.get_internal_type() == "UUIDField" else key.int  # type: ignore[union-attr]

    # --- what is known of a row -------------------------------------------------------------------------------------

    def title_of(self, row: Any) -> str:
        """What a row is called on its page and in the audit trail: its public id, never what somebody typed."""
        if hasattr(row, "public_id"):
            return str(row.public_id)
        if self.prefix:
            return to_public(self.prefix, row.pk if isinstance(row.pk, UUID) else UUID(int=row.pk))
        return str(row.pk)

    def merchant_of(self, row: Any) -> UUID | None:
        """Whose data it is; None for the platform's own."""
        found = getattr(row, "merchant_id", None)
        return found if isinstance(found, UUID) else None

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        """Tables under the object."""
        return []

    @property
    def what(self) -> str:
        return str(self.model._meta.model_name)

    # --- looking ----------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        title = {"title": self.heading or str(self.model._meta.verbose_name_plural).capitalize()}
        answer = super().changelist_view(request, {**title, **(extra_context or {})})
        found = getattr(answer, "context_data", None) or {}
        if "cl" in found:
            self.note_list(request, list(found["cl"].result_list))
        return answer

    def note_list(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Before anything is shown: what was asked, also in the chain of the one merchant whose rows came."""
        whose = {self.merchant_of(row) for row in rows}
        card, only = require(request, self.sees), whose.pop() if len(whose) == 1 else None
        note_list(card, what=self.what, asked=_asked(request), merchant_id=only)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        card, row = require(request, self.sees), self.row_or_404(request, object_id)
        answer = super().change_view(
            request, str(row.pk), form_url, self._context(request, row) | (extra_context or {})
        )
        if not isinstance(answer, HttpResponseRedirect):
            note_look(
                card,
                what=self.what,
                object_id=self.title_of(row),
                merchant_id=self.merchant_of(row),
                asked=_asked(request),
            )
        return answer

    def row_or_404(self, request: HttpRequest, object_id: str) -> Any:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The audit trail has the history; the admin's own table stays empty."""
        raise Http404

    def _context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        buttons = [
            {"label": deed.label, "url": self._url(deed.name, row)}
            for deed in self.deeds
            if may(request, deed.needs) and deed.when(row)
        ]
        if self.personal and may(request, Right.UNMASK):
            buttons.append({"label": "Unmask", "url": self._url("unmask", row)})
        return {
            "title": self.title_of(row),
            "subtitle": None,
            "original": _Named(row, self.title_of(row)),
            "buttons": buttons,
            "sections": [
                {"title": each.title, "table": {"headers": list(each.headers), "rows": [list(r) for r in each.rows]}}
                for each in self.sections(request, row)
            ],
        }

    # --- doing ------------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{deed.name}/", self._view(partial(self._deed_view, deed)), name=self._name(deed.name)
            )
            for deed in self.deeds
        ]
        if self.personal:
            own.append(path("<path:object_id>/unmask/", self._view(self._unmask_view), name=self._name("unmask")))
        return [*own, *super().get_urls()]

    def _view(self, view: Callable[..., HttpResponse]) -> Any:
        return self.admin_site.admin_view(view)

    def _name(self, name: str) -> str:
        meta = self.model._meta
        return f"{meta.app_label}_{meta.model_name}_{name.replace('-', '_')}"

    def _url(self, name: str, row: Any) -> str:
        return reverse(f"admin:{self._name(name)}", args=(row.pk,))

    def _deed_view(self, deed: Deed, request: HttpRequest, object_id: str) -> HttpResponse:
        require(request, self.sees)
        card, row = require(request, deed.needs), self.row_or_404(request, object_id)
        if not deed.when(row):
            raise Problem("state_conflict", "The state has changed meanwhile: this cannot be done any more.")
        if deed.needs_proof and (way := prove_first(request, card, back=self._url(deed.name, row))):
            return way
        form, status = deed.form(request.POST if request.method == "POST" else None), 200
        if request.method == "POST" and form.is_valid():
            try:
                self.message_user(request, deed.do(card, row, form.cleaned_data))
                return redirect(f"admin:{self._name('change')}", row.pk)
            except Problem as problem:
                form.add_error(None, problem.detail)
                status = problem.http_status
        return self._form_page(request, row, form, label=deed.label, note=deed.note, status=status)

    def _unmask_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        require(request, self.sees)
        card, row = require(request, Right.UNMASK), self.row_or_404(request, object_id)
        form = WhyForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            note = "What you see, and why, stands in the merchant's audit trail."
            return self._form_page(request, row, form, label="Unmask", note=note)
        clear = [[label, read(row)] for label, read in self.personal.items()]
        note_unmasked(
            card,
            what=self.what,
            object_id=self.title_of(row),
            merchant_id=self.merchant_of(row),
            why=form.cleaned_data,
        )
        table = {"title": "In clear", "table": {"headers": ["", ""], "rows": clear}}
        return self._page(request, row, "operators/clear.html", label="In clear", sections=[table])

    def _form_page(self, request: HttpRequest, row: Any, form: Any, *, status: int = 200, **more: Any) -> HttpResponse:
        return self._page(request, row, "operators/deed.html", status=status, form=form, **more)

    def _page(self, request: HttpRequest, row: Any, template: str, *, status: int = 200, **more: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": f"{more.pop('label')}: {self.title_of(row)}",
            "back": reverse(f"admin:{self._name('change')}", args=(row.pk,)),
            **more,
        }
        return TemplateResponse(request, template, context, status=status)


class _Named:
    """A row for the path of pages above it, under its title."""

    def __init__(self, row: Any, title: str) -> None:
        self._meta, self.pk, self._title = row._meta, row.pk, title

    def __str__(self) -> str:
        return self._title


def _name_of(drawn: Any) -> str:
    """What a filter is called in an address: a field, a field with its own kind of filter, or a filter of ours."""
    return str(drawn if isinstance(drawn, str) else getattr(drawn, "parameter_name", None) or drawn[0])


def _asked(request: HttpRequest) -> dict[str, str]:
    """What the address says of the rows that are meant; the page's number among them."""
    return {_told(name): _told(str(value)) for name, value in list(request.GET.items())[:20] if value}


def _told(value: str) -> str:
    """In clear where it can hold nothing personal; else its keyed digest: the same for the same text, no way back."""
    return value if PLAIN.fullmatch(value) else f"digest:{keyed_digest(f'operator asks {value}').hex()[:16]}"
