"""docs/verify-audit.md: its example proves a trail from what a merchant may download, and sees every change of it."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from audit.services.checkpoint_files import trusted_keys
from audit.services.checkpoints import write_checkpoint
from audit.tests.base import CHAIN_ANEW, WithFolder, as_owner, write_links
from merchants.models import Role
from merchants.tests.base import CommittingTestCase
from merchants.tests.factories import make_member, make_merchant, person_headers

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "audit" / "verify.py"


class AtHome(WithFolder, CommittingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.me = person_headers(make_member(self.merchant, Role.OWNER))
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory()))
        write_links(self.merchant.id, 5)
        write_links(make_merchant("Mama Mboga").id, 2)
        write_checkpoint()
        write_links(self.merchant.id, 2)
        self.receipt = self.get("audit/checkpoints/receipt/", self.me).json()

    def records(self) -> list[dict[str, Any]]:
        found, cursor = [], ""
        while cursor is not None:
            page = self.get(f"audit/records/?limit=3{cursor and f'&cursor={cursor}'}", self.me).json()
            found += page["data"]
            cursor = page["next_cursor"]
        return found

    def verdict(self, records: list[dict[str, Any]], receipt: dict[str, Any] | None = None) -> tuple[int, str]:
        (self.home / "receipt.json").write_text(json.dumps(receipt or self.receipt))
        (self.home / "records.json").write_text(json.dumps(records))
        names = [str(self.home / "receipt.json"), str(self.home / "records.json"), trusted_keys()[0]]
        done = subprocess.run([sys.executable, str(EXAMPLE), *names], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_a_trail_nobody_touched(self) -> None:
        code, told = self.verdict(self.records())
        self.assertEqual(code, 0, told)
        self.assertIn(f"whole: {self.receipt['head']['number']} records, checkpoint 1", told)

    def test_a_trail_that_was_written_anew(self) -> None:
        stream = f"m{self.merchant.id}"
        as_owner(
            f"UPDATE audit_event SET actor = 'usr_x' WHERE stream = '{stream}' AND seq = 3",
            CHAIN_ANEW.format(stream=stream),
        )
        code, told = self.verdict(self.records())
        self.assertEqual(code, 1)
        self.assertIn("not the one that was signed", told)

    def test_answers_that_lie(self) -> None:
        records = self.records()
        shown = [dict(each) | ({"action": "nothing.done"} if each["number"] == 3 else {}) for each in records]
        self.assertIn("record 3 shows something else", self.verdict(shown)[1])
        self.assertIn("record 2 is missing", self.verdict([each for each in records if each["number"] != 2])[1])
        self.assertIn("ends before", self.verdict([each for each in records if each["number"] < 4])[1])
        head = self.receipt["head"] | {"number": 3}
        self.assertIn("does not lead to the root", self.verdict(records, self.receipt | {"head": head})[1])
        other = self.receipt["statement"].replace('"streams":2', '"streams":3')
        self.assertIn("InvalidSignature", self.verdict(records, self.receipt | {"statement": other})[1])

    def test_the_page_shows_how(self) -> None:
        page = (ROOT / "docs" / "verify-audit.md").read_text()
        self.assertIn("(examples/audit/verify.py)", page)
        for path in ("audit/checkpoints/receipt/", "audit/records/"):
            self.assertIn(f"/api/v1/{path}", page)
