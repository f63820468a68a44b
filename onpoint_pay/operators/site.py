"""The one site at /operators/: rooms register their pages with it by `admin.register`."""

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from unfold.sites import UnfoldAdminSite

from audit.operators.pages import OperatorPage
from audit.operators.waiting import waiting_for
from merchants.services import operator_sign_in
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.operator import operator_of
from onpoint_pay.operators.forms import ChallengeForm, CodeForm, PasswordForm
from onpoint_pay.operators.middleware import FACTS

# Doors of the admin and the theme that would show or change things past our pages.
SHUT = frozenset({"password_change", "password_change_done", "autocomplete", "view_on_site", "search"})
NEXT = "next"


class OperatorsSite(UnfoldAdminSite):
    """Lets in who the middleware knows for an operator; what each sees is said by the pages."""

    enable_nav_sidebar = True
    index_title = "What waits for somebody"
    index_template = "operators/index.html"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Pages of our own only: those that libraries bring along are neither read-only nor audited."""
        if admin_class is not None and issubclass(admin_class, OperatorPage):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return operator_of(request) is not None

    def get_urls(self) -> list[URLPattern | URLResolver]:
        urls = [url for url in super().get_urls() if getattr(url, "name", None) not in SHUT]
        return [path("prove/", self.admin_view(self.prove), name="prove"), *urls]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        found = super().get_app_list(request, app_label)
        for model in (model for room in found for model in room["models"]):
            model["name"] = self._registry[model["model"]].heading or model["name"]
        return found

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**(extra_context or {}), "waiting": waiting_for(request)})

    # --- the door -----------------------------------------------------------------------------------------------------

    @method_decorator([never_cache, require_http_methods(["GET", "HEAD", "POST"])])
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Password, then code; the answer never says which part of the first was wrong."""
        if request.method != "POST":
            return redirect(_next(request)) if self.has_permission(request) else self._door(request, PasswordForm())
        if "challenge" in request.POST:
            return self._take_code(request)
        return self._take_password(request)

    @method_decorator([never_cache, require_POST])
    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if card := operator_of(request):
            operator_sign_in.note_signed_out(card)
        request.session.flush()
        return redirect("admin:login")

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def prove(self, request: HttpRequest) -> HttpResponse:
        """A fresh code, for the deeds that ask for one."""
        form, status = CodeForm(request.POST if request.method == "POST" else None), 200
        card = operator_of(request)
        if card is not None and form.is_valid():
            try:
                changes = operator_sign_in.prove_again(card, code=form.cleaned_data["code"])
            except Problem as problem:
                form.add_error(None, problem.detail)
                status = problem.http_status
            else:
                request.session[FACTS] = {**request.session[FACTS], **changes}
                messages.success(request, "Proved for ten minutes.")
                return redirect(_next(request))
        context = {**self.each_context(request), "title": "Give a fresh code", "form": form, NEXT: _next(request)}
        return TemplateResponse(request, "operators/form.html", context, status=status)

    def _take_password(self, request: HttpRequest) -> HttpResponse:
        form = PasswordForm(request.POST)
        if not form.is_valid():
            return self._door(request, form, status=400)
        try:
            challenge = operator_sign_in.give_password(**form.cleaned_data)
        except Problem as problem:
            return self._door(request, PasswordForm(initial={"email": request.POST["email"]}), problem=problem)
        return self._door(request, ChallengeForm(initial={"challenge": challenge}))

    def _take_code(self, request: HttpRequest) -> HttpResponse:
        form = ChallengeForm(request.POST)
        if not form.is_valid():
            return self._door(request, form, status=400)
        try:
            facts = operator_sign_in.give_code(**form.cleaned_data)
        except Problem as problem:
            is_over = problem.code in ("token_invalid", "credentials_invalid")
            again = ChallengeForm(initial={"challenge": form.cleaned_data["challenge"]})
            return self._door(request, PasswordForm() if is_over else again, problem=problem)
        request.session.flush()
        request.session[FACTS] = facts
        rotate_token(request)
        return redirect(_next(request))

    def _door(
        self, request: HttpRequest, form: Form, *, status: int = 200, problem: Problem | None = None
    ) -> HttpResponse:
        context = {
            **self.each_context(request),
            "title": "Sign in",
            "form": form,
            "refusal": problem.detail if problem else "",
            NEXT: _next(request),
        }
        answer = TemplateResponse(request, "operators/sign_in.html", context, status=status)
        if problem is not None:
            answer.status_code = problem.http_status
        if problem is not None and problem.retry_after_seconds is not None:
            answer["Retry-After"] = str(problem.retry_after_seconds)
        return answer


def _next(request: HttpRequest) -> str:
    """Where to go on: a page of ours, or the first."""
    wanted = request.POST.get(NEXT) or request.GET.get(NEXT) or ""
    is_ours = wanted.startswith("/operators/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if is_ours else reverse("admin:index")
