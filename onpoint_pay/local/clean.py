"""Removes what `make run` keeps: `.onpoint` and PostgreSQL data that had to lie elsewhere (`make clean`)."""

import shutil
import sys
from pathlib import Path

from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import HOME_NAME, Lock, default_home
from onpoint_pay.local.place import LOCATION_FILE


def main() -> int:
    """Exit status for the shell. A running stack is left alone, and so is a folder we did not name."""
    home = default_home()
    try:
        removed = remove(home)
    except (LocalError, OSError) as error:
        sys.stderr.write(f"Not removed: {error}\n")
        return 1
    sys.stderr.write("".join(f"Removed {path}\n" for path in removed) or f"Nothing to remove in {home}\n")
    return 0


def remove(home: Path) -> list[Path]:
    """The folders removed. Raises AlreadyRunning while servers run on `home`, LocalError if it has another name."""
    if not home.is_dir():
        return []
    if home.name != HOME_NAME:
        raise LocalError(f"ONPOINT_HOME is {home}, which may hold other things than ours: remove it by hand.")
    homes = [home, *(note.parent for note in home.glob("*/servers.lock"))]
    for path in (place / name for place in homes for name in ("lock", "servers.lock")):
        Lock(path).take(what="OnPoint Pay")
    notes = [place / LOCATION_FILE for place in homes]
    elsewhere = [Path(note.read_text().strip()) for note in notes if note.exists()]
    for folder in (*elsewhere, home):
        if folder.exists():
            shutil.rmtree(folder)
    return [*elsewhere, home]


if __name__ == "__main__":
    sys.exit(main())
