"""Money records for the long run: JSON lines of everything that is older than a day, and a manifest that is signed.

The rows stay where they are: an archive is a copy that can be proved, never a place that something was moved to.
"""

import base64
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import connection, transaction

from audit.services import record
from audit.services.checkpoint_files import trusted_keys
from audit.statement import private_key, public_text
from onpoint_pay.kit.clock import NAIROBI, now, rfc3339

KEPT_YEARS, PERSONAL_MONTHS = 7, 24
MANIFEST = "manifest.json"
PAGE = 2000
# By name: rows made before the day, in an order that the same rows always have.
TABLES: dict[str, str] = {
    "transactions": "SELECT * FROM transactions WHERE created_at < %s ORDER BY id",
    "refunds": "SELECT * FROM refunds WHERE created_at < %s ORDER BY id",
    "payouts": "SELECT * FROM payouts WHERE created_at < %s ORDER BY id",
    "doubt_decision": "SELECT * FROM doubt_decision WHERE proposed_at < %s ORDER BY id",
    "settlement": "SELECT * FROM settlement WHERE created_at < %s ORDER BY id",
    "settlement_line": "SELECT l.* FROM settlement_line l JOIN settlement s ON s.id = l.settlement_id"
    " WHERE s.created_at < %s ORDER BY l.id",
    "ledger_transfer": "SELECT * FROM ledger_transfer WHERE posted_at < %s ORDER BY id",
    "ledger_entry": "SELECT e.* FROM ledger_entry e JOIN ledger_transfer t ON t.id = e.transfer_id"
    " WHERE t.posted_at < %s ORDER BY e.id",
    "audit_event": "SELECT * FROM audit_event WHERE at < %s ORDER BY stream, seq",
}
STILL_PERSONAL = (
    "SELECT count(*) FROM transactions WHERE created_at < %s AND coalesce(phone, email, payer_name) IS NOT NULL"
)


class ArchiveRefused(Exception):
    """It cannot be made, or is not what was signed; the text says why."""


def seven_years_ago() -> date:
    today = now().date()
    return today.replace(year=today.year - KEPT_YEARS, day=min(today.day, 28))


def make_archive(before: date, folder: Path, *, actor: str) -> dict[str, int]:
    """Write everything older than this day in Nairobi into an empty folder; rows by table.

    Raises ArchiveRefused for a day on which payers may still be named: what is in a file cannot be forgotten.
    """
    moment = datetime.combine(before, time.min, NAIROBI)
    _refuse(before, moment, folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
        for name, sql in TABLES.items():
            files[name] = _write(folder / f"{name}.jsonl", sql, moment, name=name)
    _sign(folder, before, files)
    rows = {name: facts["rows"] for name, facts in files.items()}
    with transaction.atomic():
        record(
            merchant_id=None, actor=actor, action="archive.made", detail={"before": before.isoformat(), "rows": rows}
        )
    return rows


def verify_archive(folder: Path) -> dict[str, int]:
    """Rows by table of an archive that is whole and ours. Raises ArchiveRefused, OSError."""
    document = orjson.loads((folder / MANIFEST).read_bytes())
    statement = str(document["statement"])
    facts = orjson.loads(statement)
    if facts["public_key"] not in trusted_keys():
        raise ArchiveRefused("It was signed by a key that is not trusted.")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(facts["public_key"]))
    try:
        key.verify(base64.b64decode(document["signature"]), statement.encode())
    except InvalidSignature:
        raise ArchiveRefused("The signature is not of this manifest.") from None
    for name, wanted in facts["files"].items():
        if _digest(folder / f"{name}.jsonl") != wanted["sha256"]:
            raise ArchiveRefused(f"{name}.jsonl is not what was signed.")
    return {name: wanted["rows"] for name, wanted in facts["files"].items()}


def _refuse(before: date, moment: datetime, folder: Path) -> None:
    if not settings.AUDIT_SIGNING_KEY:
        raise ArchiveRefused("Set AUDIT_SIGNING_KEY: an archive that nobody signed proves nothing.")
    if moment > now() - timedelta(days=PERSONAL_MONTHS * 31):
        raise ArchiveRefused(f"{before} is less than {PERSONAL_MONTHS} months ago: payers are still named.")
    if folder.exists() and any(folder.iterdir()):
        raise ArchiveRefused(f"{folder} is not empty.")
    with connection.cursor() as cursor:
        cursor.execute(STILL_PERSONAL, [moment])
        if count := cursor.fetchone()[0]:
            raise ArchiveRefused(f"{count} payments still name their payers: run manage.py retention first.")


def _write(path: Path, sql: str, before: datetime, *, name: str) -> dict[str, Any]:
    digest, rows = sha256(), 0
    with path.open("xb") as file:
        for line in _lines(sql, before, name=name):
            file.write(line)
            digest.update(line)
            rows += 1
    return {"rows": rows, "sha256": digest.hexdigest()}


def _lines(sql: str, before: datetime, *, name: str) -> Iterator[bytes]:
    """Rows as the database writes them, page by page from a cursor of its own."""
    with connection.cursor() as cursor:
        rows = f"SELECT row_to_json(r)::text FROM ({sql}) r"  # noqa: S608 - constants of TABLES
        cursor.execute(f"DECLARE archive_{name} NO SCROLL CURSOR FOR {rows}", [before])
        while True:
            cursor.execute(f"FETCH {PAGE} FROM archive_{name}")
            found = cursor.fetchall()
            if not found:
                return
            yield from (text.encode() + b"\n" for (text,) in found)


def _sign(folder: Path, before: date, files: dict[str, Any]) -> None:
    key = private_key(settings.AUDIT_SIGNING_KEY)
    facts = {
        "object": "archive",
        "format": 1,
        "installation": settings.BASE_URL,
        "before": before.isoformat(),
        "made_at": rfc3339(now()),
        "public_key": public_text(key),
        "files": files,
    }
    statement = orjson.dumps(facts).decode()
    signature = base64.b64encode(key.sign(statement.encode())).decode()
    (folder / MANIFEST).write_bytes(orjson.dumps({"statement": statement, "signature": signature}))


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
    return digest.hexdigest()
