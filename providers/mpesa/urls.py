"""What M-Pesa would object to in an address it is given for callbacks. Nothing is resolved and nothing is sent."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from onpoint_pay.kit.addresses import is_public
from providers.mpesa.config import MpesaConfig

# Daraja: these words, in either case and anywhere in the address, make it refuse to register it.
_KEYWORDS = re.compile(r"m[-_]?pesa|safaricom|exec|exe|cmd|sql|query", re.IGNORECASE)
_LOCAL_NAMES = (".localhost", ".local", ".internal")


def objections(urls: Iterable[str], config: MpesaConfig) -> list[str]:
    """One sentence for each fault of each address. Words of theirs are told everywhere, the rest by environment."""
    is_production = config.environment == "production" and not config.simulated
    return [sentence for url in urls for sentence in _faults(url, is_production=is_production)]


def _faults(url: str, *, is_production: bool) -> Iterator[str]:
    parts = _split(url)
    if parts is None:
        yield f'"{url[:80]}" is not a web address: write it as https://your-domain/path.'
        return
    shown = _shown(parts)
    for word in _keywords(url):
        yield f'{shown} holds "{word}", which M-Pesa refuses: rename that part of the address, host names included.'
    if parts.query or url.endswith("?"):
        yield f"{shown} has a query string, which M-Pesa refuses: put everything into the path."
    if is_production and parts.scheme != "https":
        yield f"{shown} is not https, which M-Pesa demands in production: serve it under https."
    if is_production and _is_private(parts.hostname or ""):
        yield f"{shown} cannot be reached from outside: use a public domain name or a public address."


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_web and not re.search(r"\s", url) else None


def _shown(parts: SplitResult) -> str:
    """The address as it may be logged: the secret stands in the middle of the path."""
    door = parts.path.rstrip("/").rpartition("/")[2]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/.../{door}"


def _keywords(url: str) -> list[str]:
    """The words found, also where they are written in percent signs; each once."""
    return list(dict.fromkeys(found.lower() for found in _KEYWORDS.findall(unquote(url))))


def _is_private(host: str) -> bool:
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(_LOCAL_NAMES):
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return not is_public(host)
