"""A pytest plugin: one throw-away PostgreSQL and Valkey for the whole run, unless the environment names its own.

Named by `-p tests.servers`, because a conftest is read after pytest-django has read the settings.
"""

import atexit
import base64
import os
import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from onpoint_pay.embedded import Servers, start_servers
from onpoint_pay.local.errors import LocalError

TEST_ENVIRON = {
    "SECRET_KEY": "a secret key for tests only, long enough to sign with and known to everybody",
    "ENCRYPTION_KEYS": f"tests:{base64.b64encode(b'a 32 byte key that is for tests!').decode()}",
    "API_KEY_PEPPER": "a pepper for tests only",
}
PROVIDER_PREFIXES = ("MPESA_", "PAYSTACK_", "FLUTTERWAVE_")
REDIS_DATABASES = 16

_servers: list[Servers] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Before anything reads the settings: servers, test secrets, and nobody's real provider credentials."""
    set_test_environment()
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        os.environ["REDIS_URL"] = redis_url_of(worker, os.environ["REDIS_URL"])
        return
    start_test_servers()


def set_test_environment() -> None:
    for name in [name for name in os.environ if name.startswith(PROVIDER_PREFIXES)]:
        del os.environ[name]
    os.environ.update(TEST_ENVIRON)


def start_test_servers() -> None:
    _start_missing_servers()
    _connect_as_owner()


def pytest_runtest_setup() -> None:
    """A data key that the test before has made may be gone with everything else it did."""
    from onpoint_pay.kit import data_keys

    data_keys.forget()


def pytest_unconfigure() -> None:
    """Also reached on Ctrl-C and after a crash of the run."""
    while _servers:
        _servers.pop().stop()


def redis_url_of(worker: str, url: str) -> str:
    """Database 1 for `gw0`, 2 for `gw1` and so on, so that workers do not see each other's keys."""
    number = int(re.sub(r"\D", "", worker) or 0) % (REDIS_DATABASES - 1) + 1
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def _start_missing_servers() -> None:
    try:
        servers = start_servers(Path(), ephemeral=True, say=_keep_quiet)
    except LocalError as error:
        raise pytest.UsageError(str(error)) from None
    _servers.append(servers)
    atexit.register(pytest_unconfigure)  # a usage error after this point skips the hook
    os.environ.update(servers.environ)


def _keep_quiet(line: str) -> None:
    """The output belongs to the tests."""


def _connect_as_owner() -> None:
    """In-process tests truncate tables, which only the owner may; tests of the roles take ONPOINT_APP_DATABASE_URL."""
    os.environ["ONPOINT_APP_DATABASE_URL"] = os.environ.get("DATABASE_URL", "")
    if os.environ.get("DATABASE_OWNER_URL"):
        os.environ["DATABASE_URL"] = os.environ["DATABASE_OWNER_URL"]
