"""The environment of the local processes: secrets made once, addresses, and the file a second terminal reads."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from onpoint_pay.local.private import write_private

LOCAL_FILE = "local.env"
SECRETS_FILE = "secrets.json"


def outer_environ(home: Path) -> dict[str, str]:
    """Our environment as the shell gave it, without what the settings read from the local file of some other run."""
    read_from_file = read_local_file(home)
    return {name: value for name, value in os.environ.items() if read_from_file.get(name) != value}


def read_local_file(home: Path) -> dict[str, str]:
    try:
        lines = (home / LOCAL_FILE).read_text().splitlines()
    except OSError:
        return {}
    return {name: value for name, separator, value in (line.partition("=") for line in lines) if separator}


def write_local_file(home: Path, environ: Mapping[str, str]) -> None:
    write_private(home / LOCAL_FILE, "".join(f"{name}={value}\n" for name, value in environ.items()))


def local_secrets(home: Path) -> dict[str, str]:
    """The keys of this home, made on the first run; its sealed rows and API keys are of no use without them."""
    path = home / SECRETS_FILE
    kept = json.loads(path.read_text()) if path.exists() else {}
    # Made for every home: one of an earlier version lacks what came since.
    made = {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": f"local1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "API_KEY_PEPPER": secrets.token_urlsafe(32),
        "AUDIT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    if missing := made.keys() - kept.keys():
        write_private(path, json.dumps(kept | {name: made[name] for name in sorted(missing)}, indent=1))
    return {str(name): str(value) for name, value in json.loads(path.read_text()).items()}


def stack_environ(home: Path, *, outer: Mapping[str, str], port: int, simulator_port: int) -> dict[str, str]:
    """What the processes of one stack share, but for the servers' addresses. Secrets the shell names win over ours."""
    return {
        **{name: outer.get(name) or value for name, value in local_secrets(home).items()},
        "ONPOINT_HOME": str(home),
        "PORT": str(port),
        "SIMULATOR_PORT": str(simulator_port),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "SIMULATOR_URL": f"http://127.0.0.1:{simulator_port}",
        "SIMULATOR_BOOK": str(home / "simulator.sqlite3"),
        "CHECKPOINTS_ROOT": str(home / "checkpoints"),
        # A developer's webhook receiver listens on this machine.
        "WEBHOOK_ALLOW_PRIVATE": "true",
        "EMAIL_BACKEND": outer.get("EMAIL_BACKEND") or ("smtp" if outer.get("EMAIL_HOST") else "console"),
    }
