"""The command lines of a local stack: web server, worker, beat, simulator and the management commands before them."""

import os
import sys
from pathlib import Path

from onpoint_pay.local.home import CHECKOUT

MANAGE = [sys.executable, str(CHECKOUT / "manage.py")]
MIGRATE = [*MANAGE, "migrate", "--no-input", "--verbosity", "1"]
SEED = [*MANAGE, "seed_demo"]
CELERY = [sys.executable, "-m", "celery", "-A", "onpoint_pay"]
# Slow merchants' servers hold up the second queue, never the first.
WORKERS = {"worker": ("default", 2), "webhook-worker": ("webhooks", 1)}


def simulator(port: int) -> list[str]:
    return [sys.executable, "-m", "simulator", "--port", str(port)]


def web(port: int) -> list[str]:
    configuration = ["-c", str(CHECKOUT / "onpoint_pay" / "gunicorn_conf.py")]
    return [sys.executable, "-m", "gunicorn", "onpoint_pay.wsgi", *configuration, "--bind", f"127.0.0.1:{port}"]


def worker(queue: str, *, processes: int) -> list[str]:
    pool = ["--pool", "prefork", "--concurrency", str(processes), "-Q", queue]
    # One worker alone has nobody to gossip with, and a name of its own keeps it apart from other checkouts'.
    alone = ["--without-gossip", "--without-mingle", "--hostname", f"local-{queue}-{os.getpid()}@%h"]
    return [*CELERY, "worker", *pool, *alone, "--loglevel", "INFO"]


def beat(home: Path) -> list[str]:
    return [*CELERY, "beat", "--schedule", str(home / "beat-schedule"), "--pidfile", "", "--loglevel", "INFO"]
