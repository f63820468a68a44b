"""Whether this installation's own public address can be called back: where it lies, and whether we answer there."""

from functools import lru_cache
from urllib.parse import urlsplit

import orjson
from django.conf import settings

from merchants.services.findings import FAILED, OK, WARNING, Finding
from onpoint_pay.kit.addresses import is_public, resolve
from onpoint_pay.kit.http import HttpAnswer, HttpClient, HttpError

LIVENESS = "/api/v1/health/live/"


def check_place(*, is_simulated: bool, needs_https: bool) -> Finding:
    """Where BASE_URL points: the simulator reaches this machine, a provider needs a public address."""
    parts = urlsplit(settings.BASE_URL)
    host = parts.hostname or ""
    if is_simulated:
        return Finding(check="public_address", status=OK, detail=f"The simulator calls {host} back.")
    if needs_https and parts.scheme != "https":
        fix = "Serve this installation under https and set BASE_URL to that address."
        return Finding(check="public_address", status=FAILED, detail=f"{settings.BASE_URL} is not https.", fix=fix)
    fix = "Set BASE_URL to a domain name or address that the open internet reaches; callbacks come to it."
    try:
        found = resolve(host, parts.port or 443)
    except OSError:
        return Finding(check="public_address", status=FAILED, detail=f"{host} does not resolve.", fix=fix)
    if all(is_public(address.ip) for address in found):
        return Finding(check="public_address", status=OK, detail=f"{host} is a public address.")
    # A name may mean another address inside than outside.
    status = FAILED if _is_own(host) else WARNING
    return Finding(check="public_address", status=status, detail=f"{host} is a private address here.", fix=fix)


def _is_own(host: str) -> bool:
    """A bare address, or a name that means this machine everywhere."""
    return host == "localhost" or host.replace(".", "").isdigit() or ":" in host


def check_reachable() -> Finding:
    """Ask ourselves by the public name: a proxy, a firewall or a wrong BASE_URL shows here."""
    url = f"{settings.BASE_URL}{LIVENESS}"
    fix = "Start the web server, let the proxy pass /api/v1/, and see that BASE_URL is this installation's address."
    try:
        answer = _http().send("GET", url, headers={}, body=None)
    except HttpError as error:
        detail = f"{url} does not answer: {error}."
        return Finding(check="reachable", status=FAILED, detail=detail, fix=fix)
    if not _is_ours(answer):
        detail = f"{url} answered with HTTP {answer.status}, and not as this software does."
        return Finding(check="reachable", status=FAILED, detail=detail, fix=fix)
    return Finding(check="reachable", status=OK, detail=f"{url} answers, asked from this server.")


def _is_ours(answer: HttpAnswer) -> bool:
    try:
        is_live = answer.status == 200 and orjson.loads(answer.body) == {"status": "ok"}
    except ValueError:
        return False
    return is_live and answer.headers.get("Request-Id", "").startswith("req_")


@lru_cache(maxsize=1)
def _http() -> HttpClient:
    # BASE_URL is the operator's word: it may well lie on this machine.
    return HttpClient("own-address", allow_private=True, connect_seconds=3, deadline_seconds=5)
