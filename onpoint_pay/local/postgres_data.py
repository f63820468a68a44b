"""The data of an embedded PostgreSQL: its folder made by initdb, its port and passwords kept beside it."""

import contextlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from onpoint_pay.local import ports
from onpoint_pay.local.children import run_program, server_environ
from onpoint_pay.local.errors import ServerFailed
from onpoint_pay.local.place import Place
from onpoint_pay.local.private import write_private

OWNER, APPLICATION, DATABASE = "onpoint", "onpoint_app", "onpoint"
REMEDY = "Or go without the embedded server: set DATABASE_URL (and DATABASE_OWNER_URL) to a PostgreSQL 18."
SYMPTOMS = {
    "No space left on device": "The disk is full: free some space and start again.",
    "Permission denied": "A folder belongs to another account: start as that account, or remove it (`make clean`).",
    "wrong ownership": "The data belongs to another account: start as that account, or remove it (`make clean`).",
    "user does not exist": "This account has no name on this system: give it one in /etc/passwd, or start as another.",
    "files are incompatible": "The data was made by another PostgreSQL version: `make clean` starts anew.",
    "shared memory segment": "The system gives too little shared memory; in a container, raise --shm-size.",
}


@dataclass(slots=True)
class Credentials:
    """What must outlive a run. `is_prepared`: the roles and the database have been made."""

    port: int
    owner_password: str
    application_password: str
    is_prepared: bool = False

    def url(self, role: str) -> str:
        password = self.owner_password if role == OWNER else self.application_password
        return f"postgres://{role}:{password}@{ports.HOST}:{self.port}/{DATABASE}"

    def save(self, note: Path) -> None:
        write_private(note, json.dumps(asdict(self), indent=1))


def has_data(place: Place) -> bool:
    return (place.data / "PG_VERSION").exists()


def read_credentials(place: Place, note: Path) -> Credentials:
    """Those of existing data, or fresh ones. Raises ServerFailed when data is there and `note` is not."""
    if not has_data(place):
        return Credentials(ports.choose_free(), secrets.token_hex(24), secrets.token_hex(24))
    try:
        return Credentials(**json.loads(note.read_text()))
    except (OSError, ValueError, TypeError):
        raise ServerFailed(
            f"The data in {place.data} is there, but its passwords in {note} are not. Put that file back, or remove "
            f"the data with `make clean`. {REMEDY}"
        ) from None


def make_data(place: Place, *, owner_password: str, is_ephemeral: bool) -> None:
    """Run initdb beside the final folder and rename, so that a start cut short leaves nothing half made."""
    if place.data.is_dir() and any(place.data.iterdir()):
        raise ServerFailed(f"{place.data} is in the way: it is not empty and holds no PostgreSQL data. Remove it.")
    making = place.data.with_name(f"{place.data.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    _give_away(making, place)
    with _password_file(owner_password, place) as password_file:
        _initdb(making, password_file, place=place, is_ephemeral=is_ephemeral)
    making.rename(place.data)


def failure(what: str, output: str) -> ServerFailed:
    """An error with advice for a known symptom and the last words of the program."""
    advice = [words for symptom, words in SYMPTOMS.items() if symptom in output][:1]
    said = "\n".join(output.strip().splitlines()[-10:])
    return ServerFailed(f"{' '.join([f'{what}.', *advice, REMEDY])}\nIt said:\n{said}")


def _initdb(folder: Path, password_file: Path, *, place: Place, is_ephemeral: bool) -> None:
    argv = [
        str(place.programs / "initdb"),
        *("-D", str(folder), "-U", OWNER, "--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"),
        # The built-in provider sorts by code point like libc's C.UTF-8, and is the same on every system.
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *(["--no-sync"] if is_ephemeral else []),
    ]
    finished = run_program(argv, environ=server_environ(), account=place.account)
    if finished.returncode:
        raise failure("PostgreSQL could not make its data folder", finished.stdout + finished.stderr)


@contextlib.contextmanager
def _password_file(password: str, place: Place) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix="password-", dir=place.data.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{password}\n")
        _give_away(Path(name), place)
        yield Path(name)
    finally:
        Path(name).unlink()


def _give_away(path: Path, place: Place) -> None:
    if place.account:
        os.chown(path, place.account.uid, place.account.gid)
