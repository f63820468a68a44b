"""The local stack with small stand-ins for its programs: order, readiness, deaths, stops and clear refusals."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onpoint_pay.local import leftovers, ports, programs
from onpoint_pay.local.environment import LOCAL_FILE, outer_environ, read_local_file
from onpoint_pay.local.errors import AlreadyRunning, LocalError
from onpoint_pay.supervisor import LocalStack, ProcessDied

HTTP_SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
WORKER = "import time; print('worker@here ready.', flush=True); time.sleep(600)"
SLEEPER = "import time; time.sleep(600)"
DEAF_PARENT = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print(child.pid, flush=True); time.sleep(600)"
)
SEED = (
    "import json, os, pathlib;"
    "path = pathlib.Path(os.environ['ONPOINT_HOME'], 'credentials.json');"
    "path.write_text(json.dumps({'secret_key': 'sk_test_stand_in', 'role': os.environ.get('ONPOINT_DATABASE_ROLE')}))"
)
NO_SERVERS = {"DATABASE_URL": "postgres://nowhere/else", "REDIS_URL": "redis://nowhere"}


def python(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", script, *map(str, arguments)]


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that do next to nothing, and no servers: those have tests of their own."""
    for name, value in NO_SERVERS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(programs, "simulator", lambda port: python(HTTP_SERVER, port))
    monkeypatch.setattr(programs, "web", lambda port: python(HTTP_SERVER, port))
    monkeypatch.setattr(programs, "worker", lambda queue, processes: python(WORKER))
    monkeypatch.setattr(programs, "beat", lambda home: python(SLEEPER))
    monkeypatch.setattr(programs, "MIGRATE", python("import os; print(os.environ['ONPOINT_DATABASE_ROLE'])"))
    monkeypatch.setattr(programs, "SEED", python(SEED))


def make_stack(home: Path, said: list[str] | None = None, extra_env: dict[str, str] | None = None) -> LocalStack:
    lines = [] if said is None else said
    free = (ports.choose_free(), ports.choose_free())
    return LocalStack(home, port=free[0], simulator_port=free[1], say=lines.append, extra_env=extra_env)


def pids_of(stack: LocalStack) -> list[int]:
    return [child.process.pid for child in stack.children.values()]


def test_everything_starts_and_nothing_is_left(tmp_path: Path) -> None:
    said: list[str] = []
    with make_stack(tmp_path, said, extra_env={"SWEEP_SPEED": "5"}) as stack:
        pids = pids_of(stack)
        assert list(stack.children) == ["simulator", "web", "worker", "webhook-worker", "beat"]
        assert stack.credentials == {"secret_key": "sk_test_stand_in", "role": None}
        local = read_local_file(tmp_path)
        assert local["BASE_URL"] == stack.base_url
        assert local["SWEEP_SPEED"] == stack.environ["SWEEP_SPEED"] == "5"
        assert (tmp_path / "logs" / "migrate.log").read_text() == "owner\n"
    assert not [pid for pid in pids if leftovers.exists(pid)]
    assert not (tmp_path / LOCAL_FILE).exists()
    assert [line.split()[0] for line in said] == [
        "simulator",
        "migrate",
        "seed",
        "web",
        "worker",
        "webhook-worker",
        "Ready",
        "Stopping",
    ]


def test_secrets_are_private_and_kept_for_the_next_run(tmp_path: Path) -> None:
    names = ("SECRET_KEY", "ENCRYPTION_KEYS", "API_KEY_PEPPER")
    with make_stack(tmp_path) as stack:
        first = {name: stack.environ[name] for name in names}
    with make_stack(tmp_path) as stack:
        assert {name: stack.environ[name] for name in names} == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
    assert tmp_path.stat().st_mode & 0o066 == 0


@pytest.mark.parametrize("name", ["simulator", "web", "worker", "webhook-worker", "beat"])
def test_a_process_that_dies_is_named_and_everything_stops(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProcessDied) as raised, make_stack(tmp_path) as stack:
        pids = pids_of(stack)
        stack.children[name].process.send_signal(signal.SIGKILL)
        stack.watch()
    assert str(raised.value).startswith(f"{name} (pid ")
    assert "was killed by SIGKILL" in str(raised.value)
    assert not [pid for pid in pids if leftovers.exists(pid)]


def test_a_program_that_fails_at_the_start_shows_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "web", lambda port: python("raise SystemExit('no such module')"))
    stack = make_stack(tmp_path)
    with pytest.raises(ProcessDied, match="(?s)web .* ended with status 1.*no such module"), stack:
        pass
    assert stack.children == {}


def test_a_failed_migration_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MIGRATE", python("raise SystemExit('table is in the way')"))
    with pytest.raises(ProcessDied, match="(?s)migrate .* status 1.*table is in the way"), make_stack(tmp_path):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_the_watch_and_every_process(tmp_path: Path, number: signal.Signals) -> None:
    def before(*_: object) -> None: ...

    inherited = signal.signal(number, before)  # under nohup it would be "ignored", which the watch respects
    try:
        with pytest.raises(KeyboardInterrupt), make_stack(tmp_path) as stack:
            pids = pids_of(stack)
            os.kill(os.getpid(), number)
            stack.watch()
        assert not [pid for pid in pids if leftovers.exists(pid)]
        assert signal.getsignal(number) is before
    finally:
        signal.signal(number, inherited)


def test_a_stop_signal_during_the_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MIGRATE", python(f"import os, time; os.kill({os.getpid()}, 15); time.sleep(600)"))
    stack = make_stack(tmp_path)
    with pytest.raises(KeyboardInterrupt), stack:
        pass
    assert stack.children == {}
    assert not (tmp_path / LOCAL_FILE).exists()
    monkeypatch.setattr(programs, "MIGRATE", python(""))
    with make_stack(tmp_path) as again:
        again.require_all_alive()


def is_soon_gone(pid: int) -> bool:
    """Nobody waits for a grandchild: it is dead a moment after the signal."""
    deadline = time.monotonic() + 5.0
    while leftovers.command_of(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not leftovers.command_of(pid)


def test_a_deaf_process_and_its_children_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "beat", lambda home: python(DEAF_PARENT))
    monkeypatch.setattr("onpoint_pay.supervisor.STOP_PRODUCT_SECONDS", 0.5)
    with make_stack(tmp_path) as stack:
        pids = pids_of(stack)
        grandchild = int((tmp_path / "logs" / "beat.log").read_text())
        assert leftovers.exists(grandchild)
    assert not [pid for pid in pids if leftovers.exists(pid)]
    assert is_soon_gone(grandchild)


def test_a_second_stack_on_the_same_home_is_refused(tmp_path: Path) -> None:
    with make_stack(tmp_path) as stack:
        with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"), make_stack(tmp_path):
            pass
        assert (tmp_path / LOCAL_FILE).exists()
        stack.require_all_alive()


def test_a_taken_port_is_named_with_its_holder_and_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind((ports.HOST, 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        stack = LocalStack(tmp_path, port=port, simulator_port=ports.choose_free(), say=lambda line: None)
        with pytest.raises(LocalError, match=f"Port {port} is taken by .*pid {os.getpid()}.*PORT={port + 1}"), stack:
            pass


def test_a_port_that_is_not_set_takes_the_default() -> None:
    assert ports.read_port({"PORT": ""}, "PORT", default=8000) == 8000
    assert ports.read_port({"PORT": "8001"}, "PORT", default=8000) == 8001


@pytest.mark.parametrize("text", ["0", "65536", "eighty", "-1"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(LocalError, match="PORT must be a port number"):
        ports.read_port({"PORT": text}, "PORT", default=8000)


def test_a_program_can_be_killed_and_started_again(tmp_path: Path) -> None:
    with make_stack(tmp_path) as stack:
        first = stack.children["worker"].process
        first.kill()
        first.wait()
        stack.start_program("worker")
        stack.require_all_alive()
        assert stack.children["worker"].process.pid != first.pid


def test_errors_in_the_logs_reach_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = 'import time; print(\'all is well\\n{"level": "error", "event": "boom"}\', flush=True); time.sleep(0.5)'
    monkeypatch.setattr(programs, "beat", lambda home: python(noisy))
    said: list[str] = []
    with pytest.raises(ProcessDied, match="beat"), make_stack(tmp_path, said) as stack:
        stack.watch()
    assert 'beat: {"level": "error", "event": "boom"}' in said
    assert not [line for line in said if "all is well" in line]


def test_the_file_of_a_dead_run_does_not_speak_for_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / LOCAL_FILE).write_text("DATABASE_URL=postgres://dead\nSECRET_KEY=old\n")
    monkeypatch.setenv("DATABASE_URL", "postgres://dead")  # as the settings took it from the file
    monkeypatch.setenv("SECRET_KEY", "from the shell")
    environ = outer_environ(tmp_path)
    assert "DATABASE_URL" not in environ
    assert environ["SECRET_KEY"] == "from the shell"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the children of a dead process")
def test_kill_9_of_the_supervisor_ends_its_children(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal, sys; from onpoint_pay.local.children import start_child;"
        "home = pathlib.Path(sys.argv[1]);"
        "child = start_child('x', [sys.executable, '-c', 'import time; time.sleep(600)'],"
        " log=home / 'x.log', environ=os.environ, cwd=home);"
        "print(child.process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    starter = subprocess.run(python(script, tmp_path), capture_output=True, text=True, check=False)
    deadline = time.monotonic() + 10
    while leftovers.command_of(int(starter.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not leftovers.command_of(int(starter.stdout))
