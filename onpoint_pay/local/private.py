"""Files only their owner may read: passwords, keys and addresses with passwords in them."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace `path` as a whole, mode 0600; a reader sees the old text or the new one."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
