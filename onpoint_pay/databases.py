"""Where PostgreSQL is: from a URL or from the separate DB_ variables."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from onpoint_pay import env

SESSION_OPTIONS = "-c statement_timeout={statement} -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000"


def parse_url(url: str) -> dict[str, Any]:
    """Django's connection settings for `postgres://user:password@host:port/name?option=value`."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise env.SettingInvalid("DATABASE_URL must begin with postgres:// ; OnPoint Pay runs on PostgreSQL 18 only.")
    return {
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or 5432),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


def from_parts() -> dict[str, Any]:
    return {
        "NAME": env.text("DB_NAME", default="onpoint"),
        "USER": env.text("DB_USER", default="onpoint_app"),
        "PASSWORD": env.text("DB_PASSWORD"),
        "HOST": env.text("DB_HOST", default="127.0.0.1"),
        "PORT": env.text("DB_PORT", default="5432"),
        "OPTIONS": {},
    }


def configure(*, as_owner: bool, statement_timeout_ms: int) -> dict[str, Any]:
    """The one connection. The owner role changes tables; the application role may not touch the books directly."""
    url = env.text("DATABASE_URL")
    if as_owner:
        url = env.text("DATABASE_OWNER_URL", default=url)
    settings = parse_url(url) if url else from_parts()
    settings["OPTIONS"].setdefault("options", SESSION_OPTIONS.format(statement=statement_timeout_ms))
    settings["OPTIONS"].setdefault("connect_timeout", 5)
    return {
        "ENGINE": "onpoint_pay.kit.postgresql",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        **settings,
    }
