"""What operators may do to a row: a button, a form, one call of a service, and nothing by a link alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any
from urllib.parse import quote

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.operators.rights import Right
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.operator import OperatorCard, operator_of

# Rows one click may do something to.
MOST = 100
REASONS = {
    "fraud": "Suspicion of fraud",
    "payer": "Asked by the payer",
    "merchant": "Asked by the merchant",
    "law": "Asked by an authority",
    "identity": "Check of identity",
    "operations": "Operations of the platform",
}


class WhyForm(forms.Form):
    """Why something is done: a reason of the list and a ticket. Free text could tell of people, and no link is lost."""

    reason = forms.ChoiceField(choices=list(REASONS.items()), widget=UnfoldAdminSelectWidget())
    ticket = forms.CharField(
        required=False,
        max_length=24,
        validators=[RegexValidator(r"\A[A-Z]{1,10}-[0-9]{1,10}\Z", "Write it as HELP-123.")],
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "HELP-123"}),
    )


class PlainForm(forms.Form):
    """Nothing to fill in: a button that is pressed on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A button on an object's page. `do` calls one service and returns what is said when it went well.

    `name` stands in the address. The button is there while `when` holds; `needs_proof` asks for a code that is less
    than ten minutes old. A Problem that `do` raises is shown on the form.
    """

    name: str
    label: str
    needs: Right
    do: Callable[[OperatorCard, Any, Mapping[str, Any]], str]
    form: type[forms.Form] = PlainForm
    when: Callable[[Any], bool] = lambda row: True
    needs_proof: bool = True
    note: str = ""


def require(request: HttpRequest, right: Right) -> OperatorCard:
    """The operator, who has the right. Raises PermissionDenied."""
    card = operator_of(request)
    if card is None or not card.may(right):
        raise PermissionDenied
    return card


def prove_first(request: HttpRequest, card: OperatorCard, *, back: str) -> HttpResponse | None:
    """The way to the page that asks for a code, unless one was given in the last ten minutes."""
    if card.is_proved:
        return None
    messages.warning(request, "Give a fresh code first; nothing was done.")
    return redirect(f"{reverse('admin:prove')}?next={quote(back)}")


def bulk(label: str, *, needs: Right, needs_proof: bool = True) -> Callable[[Callable[..., str]], Callable[..., Any]]:
    """Make a method `(page, card, row) -> str` an action on the rows that are ticked, each on its own; name the method
    in the page's `actions`. What is refused for one row is shown, and the others go on.
    """

    def make(do: Callable[..., str]) -> Callable[..., Any]:
        @wraps(do)
        def action(page: Any, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
            card = require(request, needs)
            if needs_proof and (way := prove_first(request, card, back=request.get_full_path())):
                return way
            found = list(rows[: MOST + 1])
            if len(found) > MOST:
                messages.error(request, f"Nothing was done: choose at most {MOST} rows.")
                return None
            for row in found:
                _do_one(request, page.title_of(row), partial(do, page, card, row))
            return None

        action.short_description = label  # type: ignore[attr-defined]
        action.needs = needs  # type: ignore[attr-defined]
        return action

    return make


def _do_one(request: HttpRequest, name: str, do: Callable[[], str]) -> None:
    try:
        messages.success(request, f"{name}: {do()}")
    except Problem as problem:
        messages.error(request, f"{name}: {problem.detail}")
