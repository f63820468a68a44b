"""Receive webhooks with Python alone: a WSGI application, for gunicorn or any other WSGI server."""

import base64
import hmac
import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4
from wsgiref.simple_server import make_server

key = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"), validate=True)
if not key:
    raise SystemExit("WEBHOOK_SECRET is empty: anybody could sign with it.")
inbox = Path(os.environ["WEBHOOK_INBOX"])


def is_ours(webhook_id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    """Whether these raw bytes were signed with the secret, within five minutes of now."""
    if not timestamp.isdecimal() or abs(time.time() - float(timestamp)) > 300:
        return False
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
    return any(hmac.compare_digest(expected, given.encode()) for given in signatures.split(" "))


def keep(webhook_id: str, body: bytes) -> None:
    """One file for each event: a repeat finds it there. Renamed when complete, so that nobody reads half of it."""
    kept = inbox / f"{webhook_id}.json"
    if not kept.exists():
        arriving = inbox / f"{uuid4()}.part"
        arriving.write_bytes(body)
        arriving.replace(kept)


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    webhook_id, timestamp, signatures = (
        environ.get(f"HTTP_WEBHOOK_{name}", "") for name in ("ID", "TIMESTAMP", "SIGNATURE")
    )
    if not is_ours(webhook_id, timestamp, signatures, body):
        start_response("400 Bad Request", [])
        return []
    keep(webhook_id, body)
    start_response("200 OK", [])
    return []


if __name__ == "__main__":
    make_server("127.0.0.1", int(os.environ.get("PORT", "4000")), application).serve_forever()
