"""The folder `.onpoint`: made, guarded by a lock, and the throw-away twin of it that tests use."""

import contextlib
import fcntl
import os
import shutil
import time
from pathlib import Path

from onpoint_pay.local.errors import AlreadyRunning, LocalError
from onpoint_pay.local.place import home_mode, temporary_folder

CHECKOUT = Path(__file__).resolve().parent.parent.parent
HOME_NAME = ".onpoint"
EPHEMERAL_PREFIX = "onpoint-pay-test-"
EPHEMERAL_LOCK = "servers.lock"
UNLOCKED_GRACE_SECONDS = 60.0


def default_home() -> Path:
    return Path(os.environ.get("ONPOINT_HOME") or CHECKOUT / HOME_NAME).absolute()


def make_home(home: Path) -> Path:
    """Create `home` if need be, closed to others, and return its real path. Raises LocalError."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(home_mode())
        (home / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LocalError(
            f"Cannot use {home}: {error.strerror}. It must belong to the account that starts OnPoint Pay (uid "
            f"{os.geteuid()}): start as its owner, or set ONPOINT_HOME to a folder of your own."
        ) from None
    return home.resolve()


class Lock:
    """An advisory lock on a file, which the kernel drops when the process that holds it ends in any way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = -1

    def take(self, *, what: str, wait_seconds: float = 1.0) -> None:
        """Hold the lock until `release`. Raises AlreadyRunning, naming `what` runs and its pid."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + wait_seconds
        while not _try_lock(handle):
            if time.monotonic() > deadline:
                holder = os.read(handle, 32).decode().strip()
                os.close(handle)
                raise AlreadyRunning(
                    f"{what} already runs on {self.path.parent} (pid {holder or 'unknown'}). Stop it with Ctrl-C or "
                    f"`kill {holder or '<pid>'}`, or set ONPOINT_HOME to another folder to run a second one."
                )
            time.sleep(0.05)
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        self._handle = handle

    def release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_ephemeral_home() -> Path:
    """A throw-away home; those that killed runs left behind are swept away first."""
    folder = temporary_folder(prefix=EPHEMERAL_PREFIX)
    for other in folder.parent.glob(f"{EPHEMERAL_PREFIX}*"):
        if other != folder and _is_abandoned(other):
            shutil.rmtree(other, ignore_errors=True)
    return make_home(folder)


def _is_abandoned(folder: Path) -> bool:
    """Ours, and nobody holds its lock. A young one may be about to be locked."""
    with contextlib.suppress(OSError):
        status = folder.lstat()
        if status.st_uid != os.geteuid() or time.time() - status.st_mtime < UNLOCKED_GRACE_SECONDS:
            return False
        handle = os.open(folder / EPHEMERAL_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            return _try_lock(handle)
        finally:
            os.close(handle)
    return False
