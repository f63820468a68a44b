"""What tests of checkpoints share: a chain of their own, a folder of their own, and the owner's hand in the tables."""

import base64
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.test import override_settings

from audit.services import record

SIGNING_KEY = base64.b64encode(b"a signing key for the tests only").decode()
OTHER_KEY = base64.b64encode(b"a signing key of somebody else!!").decode()
# As a row is made by the trigger, so that what follows an edit fits again.
CHAIN_ANEW = """
DO $$
DECLARE link record; before bytea; number bigint;
BEGIN
  before := '\\x00'; number := 0;
  FOR link IN SELECT * FROM audit_event WHERE stream = '{stream}' ORDER BY seq LOOP
    number := number + 1;
    UPDATE audit_event SET prev = before WHERE stream = '{stream}' AND seq = link.seq;
    UPDATE audit_event SET hash = audit_hash(prev, stream, seq, at, actor, action, object, detail)
      WHERE stream = '{stream}' AND seq = link.seq RETURNING hash INTO before;
  END LOOP;
  UPDATE audit_head SET seq = number, hash = before WHERE stream = '{stream}';
END $$;
"""


def execute(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return list(cursor.fetchall()) if cursor.description else []


def write_links(merchant: UUID | None, count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            record(merchant_id=merchant, actor="tests", action=f"step.{number}", detail={"n": number})


def as_owner(*statements: str) -> None:
    """What whoever owns the tables can do: with the triggers off nothing of ours stands in the way."""
    with transaction.atomic():
        # A trigger cannot be switched off while its table has checks of the same transaction to make.
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        for statement in statements:
            execute(statement)
        execute("ALTER TABLE audit_event ENABLE TRIGGER USER")


class WithFolder:
    """An empty folder of checkpoints and a signing key for each test."""

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "checkpoints"  # type: ignore[attr-defined]
        settings = override_settings(CHECKPOINTS_ROOT=self.folder, AUDIT_SIGNING_KEY=SIGNING_KEY, AUDIT_PUBLIC_KEYS=[])
        self.enterContext(settings)  # type: ignore[attr-defined]
