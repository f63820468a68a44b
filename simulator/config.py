"""The simulator's settings: one frozen object, each field with the environment variable that fills it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class InvalidSetting(ValueError):
    """An environment variable holds something its setting cannot be."""


def _setting(default: Any, env: str, *, meaning: str) -> Any:
    return field(default=default, metadata={"env": env, "meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything fixed at start. Speed and answer delay are only starting values: the control API can move them."""

    book: str = _setting("", "SIMULATOR_BOOK", meaning="SQLite file of the book; empty = a temporary one, gone at exit")
    consumer_key: str = _setting("simulator-consumer-key", "SIMULATOR_CONSUMER_KEY", meaning="consumer key of the app")
    consumer_secret: str = _setting(
        "simulator-consumer-secret", "SIMULATOR_CONSUMER_SECRET", meaning="its consumer secret"
    )
    shortcode: str = _setting("174379", "SIMULATOR_SHORTCODE", meaning="the shortcode known from the start")
    passkey: str = _setting("simulator-passkey", "SIMULATOR_PASSKEY", meaning="passkey of that shortcode")
    initiator: str = _setting("simulator-initiator", "SIMULATOR_INITIATOR", meaning="API user of that shortcode")
    initiator_password: str = _setting(
        "simulator-initiator-password", "SIMULATOR_INITIATOR_PASSWORD", meaning="its password"
    )
    approve_seconds: float = _setting(2.0, "SIMULATOR_APPROVE_SECONDS", meaning="how long a payer takes to answer")
    result_seconds: float = _setting(2.0, "SIMULATOR_RESULT_SECONDS", meaning="wait for the result of B2C and the like")
    prompt_seconds: float = _setting(60.0, "SIMULATOR_PROMPT_SECONDS", meaning="life of a prompt nobody answers")
    speed: float = _setting(1.0, "SIMULATOR_SPEED", meaning="divides every wait of payers and callbacks")
    hang_seconds: float = _setting(
        30.0, "SIMULATOR_HANG_SECONDS", meaning="silence of a hand-over that hangs; not divided"
    )
    validation_seconds: float = _setting(
        8.0, "SIMULATOR_VALIDATION_SECONDS", meaning="wait for the answer to a C2B validation; not divided"
    )
    strict_urls: bool = _setting(False, "SIMULATOR_STRICT_URLS", meaning="refuse callback URLs with a reserved word")
    pending_4999: bool = _setting(False, "SIMULATOR_PENDING_4999", meaning="a pending query answers 200 with code 4999")
    single_token: bool = _setting(False, "SIMULATOR_SINGLE_TOKEN", meaning="a new token ends the earlier ones")

    def __post_init__(self) -> None:
        if not 0 < self.speed < math.inf:
            raise InvalidSetting("SIMULATOR_SPEED must be above 0")
        for name in ("approve_seconds", "result_seconds", "prompt_seconds", "hang_seconds", "validation_seconds"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidSetting(f"SIMULATOR_{name.upper()} must be 0 or more")

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **overrides: Any) -> Settings:
        """Settings from environment variables; an empty one counts as unset. `overrides` win. Raises InvalidSetting."""
        values = {
            item.name: _read(environ[item.metadata["env"]], default=item.default, env=item.metadata["env"])
            for item in fields(cls)
            if environ.get(item.metadata["env"])
        }
        return cls(**{**values, **overrides})


def _read(text: str, *, default: object, env: str) -> object:
    if isinstance(default, bool):
        if text.strip().lower() not in _TRUE | _FALSE:
            raise InvalidSetting(f"{env} must be yes or no, not {text!r}")
        return text.strip().lower() in _TRUE
    if isinstance(default, float):
        try:
            return float(text)
        except ValueError:
            raise InvalidSetting(f"{env} must be a number, not {text!r}") from None
    return text


def describe_environment() -> str:
    """One line per variable, for `--help`."""
    width = max(len(item.metadata["env"]) for item in fields(Settings))
    return "\n".join(
        f"  {item.metadata['env']:<{width}}  {item.metadata['meaning']} [{item.default!s}]" for item in fields(Settings)
    )
