"""Asks a local HTTP server whether it is ready."""

import http.client
from http import HTTPStatus

from onpoint_pay.local.ports import HOST

WEB_READY = "/api/v1/health/ready/"
SIMULATOR_READY = "/control/health"
TIMEOUT_SECONDS = 5.0


def is_ready(port: int, path: str) -> bool:
    """Whether `path` answers 200 now. Never goes through a proxy."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
