"""What browsers may do with our answers: one table by path, laid over every answer, refusals and crashes included."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# On every answer alike.
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), payment=(), publickey-credentials-get=(), usb=()"
    ),
}
NOTHING = "default-src 'none'; frame-ancestors 'none'"
PAGE = f"{NOTHING}; base-uri 'none'; style-src 'self'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What holds under a path. `cache` None leaves the answer's own Cache-Control; any other is for answers without."""

    prefix: str
    policy: str
    referrer: str = "no-referrer"
    cache: str | None = "no-store"


# The first that fits holds.
RULES = (
    # The reference fetches the description, its own files, and what a reader tries out: all of them here.
    Rule(
        prefix="/api/v1/docs/",
        policy=f"{PAGE}; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'",
        referrer="same-origin",
    ),
    # Files that people sent: whoever opens one in a browser gets something to keep, which nothing here runs or shows.
    Rule(prefix="/api/v1/kyc/documents/", policy=f"{NOTHING}; sandbox"),
    Rule(prefix="/operators/merchants/kycdocument/file/", policy=f"{NOTHING}; sandbox"),
    Rule(prefix="/api/", policy=NOTHING),
    Rule(prefix="/docs/errors/", policy=PAGE, referrer="same-origin", cache="public, max-age=3600"),
    # Where mailed links land: one file of ours reads the token behind the # and hands it to the API.
    Rule(prefix="/account/", policy=f"{PAGE}; script-src 'self'; connect-src 'self'; form-action 'none'"),
    Rule(prefix="/static/", policy=NOTHING, cache=None),
    # Operators' pages are drawn by Alpine, which builds functions from attributes and styles from text. Scripts inside
    # a page stay refused: what a merchant wrote cannot become one.
    Rule(
        prefix="/operators/",
        policy=(
            f"{NOTHING}; base-uri 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; form-action 'self'"
        ),
        referrer="same-origin",
    ),
    Rule(prefix="/", policy=NOTHING),
)


def rule_for(path: str) -> Rule:
    return next((rule for rule in RULES if path.startswith(rule.prefix)), RULES[-1])


class ResponseHeadersMiddleware:
    """The outermost: no answer leaves without these headers, and no view can loosen them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        rule = rule_for(request.path_info)
        for name, value in ALWAYS.items():
            answer[name] = value
        answer["Content-Security-Policy"] = rule.policy
        answer["Referrer-Policy"] = rule.referrer
        if rule.cache is not None:
            # What failed may succeed a second later.
            answer.setdefault("Cache-Control", rule.cache if answer.status_code < 400 else "no-store")
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            answer["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        _guard_cookies(answer)
        return answer


def _guard_cookies(answer: HttpResponse) -> None:
    """No script reads a cookie of ours, no other site sends it, and it leaves by https only where there is https."""
    for cookie in answer.cookies.values():
        cookie["httponly"] = True
        cookie["samesite"] = cookie["samesite"] or "Lax"
        if settings.HAS_HTTPS:
            cookie["secure"] = True
