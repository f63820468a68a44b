"""Receive webhooks with the standardwebhooks package and http.server. First: pip install standardwebhooks"""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
inbox = Path(os.environ["WEBHOOK_INBOX"])


def keep(webhook_id: str, body: bytes) -> None:
    """One file for each event: a repeat finds it there. Renamed when complete, so that nobody reads half of it."""
    kept = inbox / f"{webhook_id}.json"
    if not kept.exists():
        arriving = inbox / f"{uuid4()}.part"
        arriving.write_bytes(body)
        arriving.replace(kept)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):  # ValueError: the signature is not even base64
            self.answer(400)
            return
        keep(self.headers["webhook-id"], body)
        self.answer(200)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "4000"))), Receiver).serve_forever()
