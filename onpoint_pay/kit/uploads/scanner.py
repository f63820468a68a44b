"""Asking a virus scanner about a file before it is kept: clamd's protocol, over TCP or a socket of this machine."""

import socket
import time
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.uploads.refusal import FileRefused

log = structlog.get_logger(__name__)
PIECE = 64 * 1024
LONGEST_ANSWER = 4096
SCAN_SECONDS = 30
AGAIN_SECONDS = 30
FOUND, CLEAN = " FOUND", "stream: OK"


def refuse_infected(data: bytes) -> None:
    """Nothing where no UPLOAD_SCANNER is set. What cannot be scanned is not taken.

    Raises FileRefused `infected`, and Problem upload_scanner_unavailable when the scanner gives no clear answer.
    """
    if not settings.UPLOAD_SCANNER:
        return
    try:
        answer = _ask(data)
    except OSError as error:
        log.error("upload_scanner_away", error=type(error).__name__)
        raise Problem("upload_scanner_unavailable", retry_after_seconds=AGAIN_SECONDS) from None
    if answer.endswith(FOUND):
        log.warning("upload_infected", found=answer.removesuffix(FOUND)[-100:])
        raise FileRefused("infected", "A virus scanner found something in the file; it was not kept.")
    if answer != CLEAN:
        log.error("upload_scanner_unclear", answer=answer[:100])
        raise Problem("upload_scanner_unavailable", retry_after_seconds=AGAIN_SECONDS)


def _ask(data: bytes) -> str:
    """clamd: zINSTREAM, the file in pieces with their lengths, an empty one; the answer ends with a zero byte."""
    deadline = time.monotonic() + SCAN_SECONDS
    with _connected() as peer:
        peer.sendall(b"zINSTREAM\0")
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            _hurry(peer, deadline)
            peer.sendall(len(piece).to_bytes(4, "big") + piece)
        peer.sendall(bytes(4))
        answer = b""
        while not answer.endswith(b"\0") and len(answer) < LONGEST_ANSWER:
            _hurry(peer, deadline)
            piece = peer.recv(LONGEST_ANSWER)
            if not piece:
                break
            answer += piece
    return answer.rstrip(b"\0\n").decode("latin-1")


def _hurry(peer: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    peer.settimeout(left)


def _connected() -> socket.socket:
    where = urlsplit(settings.UPLOAD_SCANNER)
    if where.scheme == "unix":
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.settimeout(SCAN_SECONDS)
        try:
            peer.connect(where.path)
        except OSError:
            peer.close()
            raise
        return peer
    return socket.create_connection((where.hostname or "", where.port or 0), timeout=SCAN_SECONDS)
