"""What `manage.py check --deploy` says of a configuration that is to serve strangers, each with what to do."""

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.http.request import validate_host

from onpoint_pay.boot import problems_before_start

Finding = Iterator[tuple[str, str]]

# Texts that stand in documentation and tests; whoever reads them could sign in our name.
KNOWN_WORDS = ("django-insecure", "changeme", "change-me", "for tests only", "secret-key", "example")
FEWEST_LETTERS = 12


@register(Tags.security, deploy=True)
def find_dangers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Errors make the command fail, so that a pipeline can stand on it; ids end in the variable to set."""
    found = [(text.split()[0], text) for text in problems_before_start(even_here=True)]
    for look in DANGERS:
        found += look()
    errors: list[CheckMessage] = [Error(text, id=f"onpoint.{name}") for name, text in found]
    return errors + [Warning(text, id=f"onpoint.{name}") for look in DOUBTS for name, text in look()]


# --- dangers: the command fails ---------------------------------------------------------------------------------------


def _of_debugging() -> Finding:
    if settings.DEBUG:
        yield "DEBUG", "DEBUG is on: it lifts the checks before start. Leave it unset."
    if settings.LOG_LEVEL == "DEBUG":
        yield "LOG_LEVEL", "LOG_LEVEL is DEBUG, and libraries then log addresses with tokens in them. Set it to INFO."


def _of_secrets() -> Finding:
    for name in ("SECRET_KEY", "API_KEY_PEPPER"):
        value = getattr(settings, name)
        is_known = any(word in value.lower() for word in KNOWN_WORDS)
        if is_known or len(set(value)) < FEWEST_LETTERS:
            yield name, f"{name} is known or too regular: set it to the output of openssl rand -hex 32."
    for entry in settings.ENCRYPTION_KEYS:
        key = _decoded(entry.partition(":")[2])
        if len(key) != 32 or len(set(key)) < FEWEST_LETTERS:
            yield (
                "ENCRYPTION_KEYS",
                "ENCRYPTION_KEYS is not `id:` and 32 random bytes: openssl rand -base64 32 makes them.",
            )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _of_hosts() -> Finding:
    host = urlsplit(settings.BASE_URL).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1"):
        yield "BASE_URL", "BASE_URL names this machine only: set it to the address providers and merchants call."
    elif not validate_host(host, settings.ALLOWED_HOSTS):
        yield "ALLOWED_HOSTS", f"ALLOWED_HOSTS lacks {host}, the host of BASE_URL: every call would be refused. Add it."


def _of_providers() -> Finding:
    has_credentials = bool(settings.MPESA_CONSUMER_KEY)
    if has_credentials and settings.MPESA_ENVIRONMENT != "production":
        yield (
            "MPESA_ENVIRONMENT",
            "MPESA_ENVIRONMENT is not production: the credentials serve test keys only. Set it to production, with the "
            "credentials of your live app, or leave the MPESA_ variables out if merchants bring their own accounts.",
        )
    if settings.MPESA_FORCE_SIMULATOR:
        yield "MPESA_DEBUG", "MPESA_DEBUG sends test mode to the simulator whatever else is set: leave it unset."
    if settings.MPESA_BASE_URL and not settings.MPESA_BASE_URL.startswith("https://"):
        yield "MPESA_BASE_URL", "MPESA_BASE_URL sends credentials in the clear: begin it with https://."
    for name in ("PAYSTACK_PUBLIC_KEY", "PAYSTACK_SECRET_KEY"):
        if "_test_" in getattr(settings, name):
            yield name, f"{name} is a test key: set the live one, or leave it unset."


def _of_waits_and_mail() -> Finding:
    if settings.SWEEP_SPEED != 1:
        yield "SWEEP_SPEED", "SWEEP_SPEED shortens every wait of recovery and webhooks: leave it unset."
    if settings.EMAIL_WAY == "console":
        yield "EMAIL_BACKEND", "EMAIL_BACKEND writes mails, links to sign in included, into the log: set it to smtp."
    if settings.EMAIL_HOST_PASSWORD and not settings.EMAIL_USE_TLS:
        yield "EMAIL_USE_TLS", "EMAIL_USE_TLS is off, so the mail password goes in the clear: set it to true."


def _of_cookies() -> Finding:
    """Operators are known by a cookie, so other sites could act in their name."""
    if "onpoint_pay.operators.middleware.OperatorsMiddleware" not in settings.MIDDLEWARE:
        yield "MIDDLEWARE", "Operators' pages are without OperatorsMiddleware, their guard: add it to MIDDLEWARE."


# --- doubts: the command warns ----------------------------------------------------------------------------------------


def _of_one_secret_for_all() -> Finding:
    if settings.API_KEY_PEPPER == settings.SECRET_KEY:
        yield "API_KEY_PEPPER", "API_KEY_PEPPER is not set, so a new SECRET_KEY would end every API key: set it."


def _of_the_database() -> Finding:
    user, expected = settings.DATABASES["default"].get("USER"), settings.DATABASE_APP_ROLE
    if not settings.RUNS_AS_OWNER and user != expected:
        yield (
            "DATABASE_URL",
            f"DATABASE_URL connects as {user}, not as the application's role {expected}: without the second role the "
            "triggers alone guard the books. Give it a role of its own, and the owner to DATABASE_OWNER_URL.",
        )


def _of_the_queue() -> Finding:
    url = urlsplit(settings.REDIS_URL)
    if not url.password and url.hostname not in ("localhost", "127.0.0.1", "::1"):
        yield "REDIS_URL", "REDIS_URL has no password: whoever reaches Valkey could ring jobs and lift limits. Set one."


DANGERS: tuple[Callable[[], Finding], ...] = (
    _of_debugging,
    _of_secrets,
    _of_hosts,
    _of_providers,
    _of_waits_and_mail,
    _of_cookies,
)
DOUBTS: tuple[Callable[[], Finding], ...] = (_of_one_secret_for_all, _of_the_database, _of_the_queue)
