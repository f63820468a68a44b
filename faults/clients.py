"""What a run speaks to: the public API as a merchant, and the simulator's control API as the judge."""

import json
import time
import urllib.error
import urllib.request
from typing import Any


class CallFailed(Exception):
    """No usable answer, or an answer with a status the run did not expect."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {str(body)[:300]}")
        self.status = status
        self.body = body


class Client:
    """JSON over HTTP to one host; 0 stands for the status of an answer that never came."""

    def __init__(self, base_url: str, **headers: str) -> None:
        self.base_url = base_url
        self.headers = {"Content-Type": "application/json", **headers}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        request = urllib.request.Request(
            f"{self.base_url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={**self.headers, **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise CallFailed(error.code, _json_or_text(text)) from None
        except OSError as error:
            raise CallFailed(0, error) from None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("POST", path, body, **headers)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def merchant_client(credentials: dict[str, str]) -> Client:
    return Client(f"{credentials['base_url']}/api/v1", Authorization=f"Bearer {credentials['secret_key']}")


def every_payment(api: Client, **filters: str) -> list[dict[str, Any]]:
    """All payments that match, through as many pages as it takes."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = api.get(f"/payments/transactions/?limit=100&{query}" + (f"&cursor={cursor}" if cursor else ""))
        found += page["data"]
        if not page["has_more"]:
            return found
        cursor = page["next_cursor"]


def wait_until(look: Any, *, seconds: float, every: float = 0.5) -> bool:
    """Whether `look` came true within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if look():
            return True
        time.sleep(every)
    return bool(look())
