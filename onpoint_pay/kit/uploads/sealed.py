"""Files on disk that only we can read: each sealed with a key of its own, bound to its row, written whole or not."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.keyring import NONCE_BYTES, CannotOpen

VERSION = b"OPF1"
KEY_BYTES = 32


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


def write_sealed(path: Path, data: bytes, *, key: bytes, bound_to: str) -> None:
    """Seal `data` into a new file of mode 0600 in a folder of mode 0700; it appears whole or not at all.

    Raises OSError when the disk does not take it.
    """
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, data, bound_to.encode())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = path.with_name(f"{new_id().hex}.part")
    try:
        _write_through(half, VERSION + nonce + sealed)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    _settle_folder(path.parent)


def read_sealed(path: Path, *, key: bytes, bound_to: str) -> bytes:
    """Raises CannotOpen for a changed file or another row's, FileNotFoundError when there is none."""
    raw = path.read_bytes()
    start = len(VERSION)
    try:
        if raw[:start] != VERSION:
            raise CannotOpen("unknown version")
        nonce, sealed = raw[start : start + NONCE_BYTES], raw[start + NONCE_BYTES :]
        return AESGCM(key).decrypt(nonce, sealed, bound_to.encode())
    except (ValueError, InvalidTag) as error:
        raise CannotOpen("sealed file does not open") from error


def _write_through(path: Path, content: bytes) -> None:
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
