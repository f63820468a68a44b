"""Embedded PostgreSQL and Valkey: started, restarted, killed and left behind, always with the committed data."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from onpoint_pay.embedded import Servers, start_servers
from onpoint_pay.local import leftovers, ports
from onpoint_pay.local.errors import AlreadyRunning, ServerFailed
from onpoint_pay.local.home import EPHEMERAL_LOCK, Lock, make_ephemeral_home

NOTHING_NAMED: dict[str, str] = {}


@pytest.fixture(scope="module")
def made_home() -> Iterator[Path]:
    """A home that was started and stopped once, where PostgreSQL's account can enter (unlike pytest's own folders)."""
    folder = make_ephemeral_home()
    start(folder).stop()
    # Held, or the tests of another checkout would sweep it away: nobody runs on it.
    lock = Lock(folder / EPHEMERAL_LOCK)
    lock.take(what="A test")
    yield folder
    lock.release()
    shutil.rmtree(folder)


@pytest.fixture
def home(made_home: Path) -> Iterator[Path]:
    """A copy of that home, which saves each test the making of the data."""
    folder = make_ephemeral_home()
    subprocess.run(["cp", "-a", f"{made_home}/.", str(folder)], check=True)
    # The copy is as old as what it was copied from, and old ones without a lock are swept away.
    os.utime(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def empty_home() -> Iterator[Path]:
    folder = make_ephemeral_home()
    yield folder
    shutil.rmtree(folder)


def start(home: Path) -> Servers:
    return start_servers(home, environ=NOTHING_NAMED, say=lambda line: None)


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url, connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def owner_of(servers: Servers) -> str:
    return servers.environ["DATABASE_OWNER_URL"]


def application_of(servers: Servers) -> str:
    return servers.environ["DATABASE_URL"]


def process_named(servers: Servers, name: str) -> "subprocess.Popen[bytes]":
    return next(child.process for child in servers.processes if child.name == name)


def test_both_roles_connect_and_only_the_owner_makes_tables(home: Path) -> None:
    with start(home) as servers:
        execute(owner_of(servers), "CREATE TABLE book (id int)")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            execute(application_of(servers), "SELECT * FROM book")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            execute(application_of(servers), "CREATE TABLE other (id int)")
        facts = execute(
            owner_of(servers),
            "SELECT usesuper, current_setting('max_connections'), current_setting('fsync'),"
            " current_setting('data_checksums'), current_setting('server_encoding')"
            " FROM pg_user WHERE usename = 'onpoint_app'",
        )
        assert facts == [(False, "200", "on", "on", "UTF8")]
        assert execute(owner_of(servers), "SELECT count(*) > 0 FROM pg_stat_statements") == [(True,)]


def test_a_wrong_or_missing_password_is_refused(home: Path) -> None:
    with start(home) as servers:
        url = owner_of(servers)
        with pytest.raises(psycopg2.OperationalError, match="password"):
            execute(url.replace("onpoint:", "onpoint:0", 1), "SELECT 1")
        valkey_port = urlsplit(servers.environ["REDIS_URL"]).port
        with pytest.raises(redis.exceptions.AuthenticationError):
            redis.Redis(port=valkey_port, retry=Retry(NoBackoff(), 0)).ping()


def test_a_restart_keeps_rows_keys_and_addresses(home: Path) -> None:
    with start(home) as servers:
        before = dict(servers.environ)
        execute(owner_of(servers), "CREATE TABLE kept AS SELECT 42 AS answer")
        redis.from_url(before["REDIS_URL"]).set("kept", "yes")
    with start(home) as servers:
        assert servers.environ == before
        assert execute(owner_of(servers), "SELECT answer FROM kept") == [(42,)]
        assert redis.from_url(before["REDIS_URL"]).get("kept") == b"yes"


def test_stop_leaves_no_process(home: Path) -> None:
    servers = start(home)
    children = [child.process.pid for child in servers.processes]
    servers.stop()
    assert not [pid for pid in children if leftovers.exists(pid)]
    assert not leftovers.works_in(home / "postgres", program="postgres")
    servers.stop()


def test_rows_committed_before_kill_9_of_postgres_are_there_again(home: Path) -> None:
    with start(home) as servers:
        execute(owner_of(servers), "CREATE TABLE paid (id int)")
        for number in range(20):
            execute(owner_of(servers), f"INSERT INTO paid VALUES ({number})")
        process_named(servers, "PostgreSQL").send_signal(signal.SIGKILL)
        process_named(servers, "PostgreSQL").wait()
    with start(home) as servers:
        assert execute(owner_of(servers), "SELECT count(*) FROM paid") == [(20,)]


def test_a_server_left_behind_is_stopped_and_its_rows_are_kept(home: Path) -> None:
    with start(home) as left_behind:
        execute(owner_of(left_behind), "CREATE TABLE kept AS SELECT 1 AS one")
        assert left_behind.lock is not None
        left_behind.lock.release()  # as after the death of the process that started it
        with start(home) as servers:
            assert process_named(left_behind, "PostgreSQL").wait(5) == 0
            assert process_named(left_behind, "Valkey").wait(5) == 0
            assert execute(owner_of(servers), "SELECT one FROM kept") == [(1,)]


def test_a_pid_that_now_belongs_to_a_stranger_is_not_taken_for_a_server(home: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    lock = home / "postgres" / "postmaster.pid"
    try:
        lock.write_text(f"{stranger.pid}\n{home / 'postgres'}\n{int(time.time())}\n5432\n\n127.0.0.1\n")
        with start(home) as servers:
            assert execute(owner_of(servers), "SELECT 1") == [(1,)]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_zombie_is_not_taken_for_a_server() -> None:
    program = subprocess.Popen([str(shutil.which("sleep")), "60"])
    deadline = time.monotonic() + 10
    while not leftovers.is_running(program.pid, program="sleep", argument="60"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    program.kill()
    os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    assert leftovers.exists(program.pid)
    assert not leftovers.is_running(program.pid, program="sleep", argument="60")
    program.wait()


def test_a_taken_port_is_changed_for_a_free_one(home: Path) -> None:
    with start(home) as servers:
        assert servers.postgres is not None
        port = servers.postgres.credentials.port
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections fade on it
        squatter.bind((ports.HOST, port))
        squatter.listen()
        with start(home) as servers:
            assert servers.postgres is not None
            assert servers.postgres.credentials.port != port
            assert execute(application_of(servers), "SELECT 1") == [(1,)]


def test_a_second_start_on_the_same_home_is_refused_and_harms_nothing(home: Path) -> None:
    with start(home) as servers:
        with pytest.raises(AlreadyRunning, match=str(os.getpid())):
            start(home)
        assert execute(owner_of(servers), "SELECT 1") == [(1,)]


def test_two_homes_run_at_once_and_do_not_meet(home: Path) -> None:
    with (
        start(home) as first,
        start_servers(home, ephemeral=True, environ=NOTHING_NAMED, say=lambda line: None) as second,
    ):
        execute(owner_of(first), "CREATE TABLE mine (id int)")
        assert execute(owner_of(second), "SELECT to_regclass('mine')") == [(None,)]
        assert execute(owner_of(second), "SHOW fsync") == [("off",)]
        assert execute(owner_of(second), "SHOW synchronous_commit") == [("on",)]
        thrown_away = second.home
    assert not thrown_away.exists()


def test_what_the_environment_names_is_not_started(home: Path) -> None:
    named = {"DATABASE_URL": "postgres://somewhere/else", "REDIS_URL": "redis://somewhere"}
    with start_servers(home, environ=named, say=lambda line: None) as servers:
        assert servers.processes == []
        assert servers.environ == {}


def test_data_without_its_passwords_says_what_to_do(home: Path) -> None:
    (home / "postgres.json").unlink()
    with pytest.raises(ServerFailed, match="make clean"):
        start(home)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(home: Path) -> None:
    (home / "postgres" / "postgresql.conf").write_text("this is no setting\n")
    with pytest.raises(ServerFailed, match="DATABASE_URL") as raised:
        start(home)
    assert "syntax error" in str(raised.value)
    assert not leftovers.works_in(home / "postgres", program="postgres")


def test_a_start_cut_short_in_initdb_begins_anew(empty_home: Path) -> None:
    half_made = empty_home / "postgres.making"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    with start(empty_home) as servers:
        assert execute(owner_of(servers), "SELECT 1") == [(1,)]
    assert not half_made.exists()


def test_a_folder_in_the_way_is_named_and_left_alone(empty_home: Path) -> None:
    precious = empty_home / "postgres" / "precious"
    precious.parent.mkdir()
    precious.write_text("mine")
    with pytest.raises(ServerFailed, match="in the way"):
        start(empty_home)
    assert precious.read_text() == "mine"


def test_nobody_else_can_read_the_passwords(home: Path) -> None:
    with start(home) as servers:
        for name in ("postgres.json", "valkey.json", "valkey.conf", "logs/postgresql.log", "logs/valkey.log"):
            assert (home / name).stat().st_mode & 0o077 == 0, name
        assert not list(home.glob("password-*"))
        shown = subprocess.run(["ps", "axww", "-o", "args="], capture_output=True, text=True, check=True).stdout
        assert not [url for url in servers.environ.values() if urlsplit(url).password in shown]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the children of a dead process")
def test_kill_9_of_the_process_that_started_them_ends_the_servers(home: Path) -> None:
    script = (
        "import os, pathlib, signal, sys; from onpoint_pay.embedded import start_servers;"
        "servers = start_servers(pathlib.Path(sys.argv[1]), environ={});"
        "print(*(child.process.pid for child in servers.processes), flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    starter = subprocess.run([sys.executable, "-c", script, str(home)], capture_output=True, text=True, check=False)
    assert starter.returncode == -signal.SIGKILL, starter.stderr
    pids = [int(word) for word in starter.stdout.split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 20
    while any(leftovers.command_of(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [leftovers.command_of(pid) for pid in pids if leftovers.command_of(pid)]
    assert not leftovers.works_in(home / "postgres", program="postgres")
