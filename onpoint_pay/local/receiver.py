"""A merchant's webhook receiver for demonstrations: verifies with the official library, writes a JSON line for each."""

import argparse
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

MAX_BODY = 256 * 1024


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what it could verify and 400 to everything else."""

    verifier: Webhook

    def do_POST(self) -> None:  # noqa: N802 - the name http.server calls
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MAX_BODY))
        is_verified, event = self._verify(body)
        line = {"verified": is_verified, "webhook_id": self.headers.get("webhook-id"), "event": event}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        self.send_response(204 if is_verified else 400)
        self.end_headers()

    def _verify(self, body: bytes) -> tuple[bool, object]:
        try:
            return True, self.verifier.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError as error:
            return False, str(error)

    def log_message(self, format: str, *args: object) -> None:
        """The lines on standard output are the log."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Receive webhooks on 127.0.0.1 and verify their signatures.")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    secret = sys.stdin.readline().strip()
    Receiver.verifier = Webhook(secret)
    ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Receiver).serve_forever()


if __name__ == "__main__":
    main()
