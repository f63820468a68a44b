"""What has to be known of the simulator before it can be spoken to as to a provider."""

import time
from functools import lru_cache

from django.conf import settings

from onpoint_pay.kit.http import HttpClient, HttpError
from providers.errors import ProviderUnavailable

# A simulator that was started anew may have another key pair.
CERTIFICATE_SECONDS = 60.0

_certificates: dict[str, tuple[str, float]] = {}


def simulator_certificate() -> str:
    """The PEM that the simulator's API users encrypt their passwords with: SIMULATOR_CERTIFICATE, or what it shows.

    Raises ProviderUnavailable when it is asked and does not answer.
    """
    if settings.SIMULATOR_CERTIFICATE:
        return str(settings.SIMULATOR_CERTIFICATE)
    pem, good_until = _certificates.get(settings.SIMULATOR_URL, ("", 0.0))
    if good_until < time.monotonic():
        pem = _fetch(f"{settings.SIMULATOR_URL}/control/certificate")
        _certificates[settings.SIMULATOR_URL] = (pem, time.monotonic() + CERTIFICATE_SECONDS)
    return pem


def _fetch(url: str) -> str:
    try:
        answer = _http().send("GET", url, headers={}, body=None)
    except HttpError as error:
        raise ProviderUnavailable(f"no certificate of the simulator: {error}") from error
    if answer.status != 200:
        raise ProviderUnavailable(f"no certificate of the simulator: HTTP {answer.status}")
    return answer.body.decode("ascii", "replace")


@lru_cache(maxsize=1)
def _http() -> HttpClient:
    return HttpClient("simulator", allow_private=True, connect_seconds=2, deadline_seconds=5)
