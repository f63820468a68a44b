"""The folder of checkpoints, outside the database: files that are added and never changed."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from audit.statement import Signed, file_text, private_key, public_text, read_file, read_first_line

NAME = "checkpoint-{number:08d}.jsonl"


def trusted_keys() -> list[str]:
    """The public keys whose statements count: our own and those of AUDIT_PUBLIC_KEYS. Raises CheckpointInvalid."""
    own = [public_text(private_key(settings.AUDIT_SIGNING_KEY))] if settings.AUDIT_SIGNING_KEY else []
    return own + settings.AUDIT_PUBLIC_KEYS


def files() -> list[Path]:
    """By number, the oldest first."""
    return sorted(Path(settings.CHECKPOINTS_ROOT).glob("checkpoint-*.jsonl"))


def load(path: Path) -> Signed:
    """Statement and heads of a file. Raises CheckpointInvalid, and OSError for a file that cannot be read."""
    return read_file(path.read_text(), trusted=trusted_keys())


def statements(paths: list[Path]) -> Iterator[Signed]:
    """The statements of these files without their heads, however many heads there are. Raises as `load` does."""
    trusted = trusted_keys()
    for path in paths:
        with path.open() as file:
            yield read_first_line(file.readline(), trusted=trusted)


def newest() -> Signed | None:
    """The last checkpoint that was written. Raises as `load` does."""
    found = files()
    return load(found[-1]) if found else None


def write(signed: Signed) -> Path:
    """A new file that nobody may write to again. Raises FileExistsError when its number is taken."""
    root = Path(settings.CHECKPOINTS_ROOT)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = root / NAME.format(number=signed.statement.number)
    # Named only once it is whole: a crash must not leave half a checkpoint under its name.
    # No process id in its name: in two containers it is the same.
    fresh = root / f".{path.name}.{secrets.token_hex(8)}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
        file.write(file_text(signed))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    finally:
        fresh.unlink()
    return path
