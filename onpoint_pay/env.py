"""Typed readers of the environment: the first name that is set wins, `NAME_FILE` reads a secret from a file."""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

HOME = Path(os.environ.get("ONPOINT_HOME", Path(__file__).resolve().parent.parent / ".onpoint"))
RATE = re.compile(r"[1-9][0-9]{0,8}/([1-9][0-9]{0,4})?[smhd]", re.ASCII)


class SettingInvalid(Exception):
    """An environment variable holds something that cannot be read; the text names it and what it takes."""


def load_local(path: Path) -> None:
    """Take the variables of a running local stack, so that a second terminal finds its servers."""
    if "DATABASE_URL" in os.environ or "DB_NAME" in os.environ or not path.is_file():
        return
    for line in path.read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator:
            os.environ.setdefault(name.strip(), value.strip())


def text(*names: str, default: str = "") -> str:
    """First of `names` that is set (empty counts as unset), or the content of the file its `_FILE` twin names."""
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
        if os.environ.get(f"{name}_FILE"):
            return Path(os.environ[f"{name}_FILE"]).read_text().strip()
    return default


def pem(*names: str) -> str:
    """A certificate: its PEM text, line ends also written as backslash and n, or the file that holds it."""
    value = text(*names)
    if not value or value.startswith("-----BEGIN"):
        return value.replace("\\n", "\n")
    try:
        return Path(value).read_text().strip()
    except OSError:
        raise SettingInvalid(f"{names[0]} must be PEM text or a file that can be read.") from None


def boolean(*names: str, default: bool = False) -> bool:
    value = text(*names).lower()
    if value in ("", "1", "true", "yes", "on", "0", "false", "no", "off"):
        return default if not value else value in ("1", "true", "yes", "on")
    raise SettingInvalid(f"{names[0]} must be true or false, not {value!r}.")


def choice(*names: str, among: tuple[str, ...], default: str) -> str:
    value = text(*names, default=default)
    if value not in among:
        raise SettingInvalid(f"{names[0]} must be one of {', '.join(among)}, not {value!r}.")
    return value


def integer(*names: str, default: int) -> int:
    value = text(*names)
    try:
        return int(value) if value else default
    except ValueError:
        raise SettingInvalid(f"{names[0]} must be a whole number, not {value!r}.") from None


def decimal(*names: str, default: float) -> float:
    """A plain number for waits and factors; money is never read this way."""
    value = text(*names)
    try:
        return float(value) if value else default
    except ValueError:
        raise SettingInvalid(f"{names[0]} must be a number, not {value!r}.") from None


def rate(*names: str, default: str) -> str:
    """How often in how long, such as 5/15m. A slip here must not go unseen: a limit nobody can read limits nobody."""
    value = text(*names, default=default)
    if not RATE.fullmatch(value):
        raise SettingInvalid(f"{names[0]} must be requests/window such as 5/15m (s, m, h, d), not {value!r}.")
    return value


def items(*names: str, default: str = "") -> list[str]:
    """Comma-separated values without blanks."""
    return [item.strip() for item in text(*names, default=default).split(",") if item.strip()]


def networks(*names: str) -> list[IPv4Network | IPv6Network]:
    """Comma-separated networks or single addresses."""
    try:
        return [ip_network(item) for item in items(*names)]
    except ValueError as error:
        raise SettingInvalid(f"{names[0]} must be networks such as 203.0.113.0/24: {error}.") from None
