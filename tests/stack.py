"""A whole running stack for journeys: web with two workers, Celery, beat and simulator on a database of its own."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from onpoint_pay.local.demo import receiver
from onpoint_pay.local.ports import choose_free
from onpoint_pay.supervisor import LocalStack

DATABASE = "test_journeys"
REDIS_DATABASE = 15
PACE = {
    "SWEEP_SPEED": "120",
    "SIMULATOR_SPEED": "120",
    "PROVIDER_DEADLINE_SECONDS": "1",
    "SIMULATOR_APPROVE_SECONDS": "0.3",
    "SIMULATOR_HANG_SECONDS": "3",
    "RATE_LIMIT_API": "1000000/1m",
    "RATE_LIMIT_INITIATE": "1000000/1m",
    "RATE_LIMIT_STATUS": "1000000/1m",
    "WEBHOOK_ALLOW_PRIVATE": "true",
}


def with_path(url: str, path: object) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def make_database() -> dict[str, str]:
    """An empty database on the test server; gives the URLs of both roles."""
    owner = os.environ["DATABASE_URL"]
    connection = psycopg2.connect(owner)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        connection.close()
    application = os.environ.get("ONPOINT_APP_DATABASE_URL") or owner
    return {"DATABASE_OWNER_URL": with_path(owner, DATABASE), "DATABASE_URL": with_path(application, DATABASE)}


@contextmanager
def running_stack(**more: str) -> Iterator[LocalStack]:
    """Everything up, quick schedules, no rate limits in the way; stopped and forgotten afterwards."""
    servers = {**make_database(), "REDIS_URL": with_path(os.environ["REDIS_URL"], REDIS_DATABASE)}
    with tempfile.TemporaryDirectory(prefix="journeys-") as folder:
        stack = LocalStack(
            Path(folder),
            port=choose_free(),
            simulator_port=choose_free(),
            extra_env={**PACE, **servers, **more},
            say=lambda line: None,
        )
        with stack:
            yield stack


@contextmanager
def listening(stack: LocalStack) -> Iterator[tuple[str, Path]]:
    """A merchant's receiver that verifies; gives its address and the log of what it got."""
    log = stack.home / "receiver.log"
    with receiver(stack.credentials["webhook_secret"], log) as port:
        yield f"http://127.0.0.1:{port}/webhook", log
