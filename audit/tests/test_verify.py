"""`audit_verify` against whoever owns the tables: each way to change the past is found, with its first bad link."""

from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.test import TransactionTestCase

from audit.services import verify as service
from audit.services.checkpoint_files import files
from audit.services.checkpoints import write_checkpoint
from audit.services.verify import verify
from audit.tests.base import CHAIN_ANEW, WithFolder, as_owner, execute, write_links
from onpoint_pay.kit.ids import new_id, to_public


class VerifyTestCase(WithFolder, TransactionTestCase):
    """Two checkpoints over two streams, and links that came after."""

    def setUp(self) -> None:
        super().setUp()
        self.merchant = new_id()
        self.stream = f"m{self.merchant}"
        for count in (4, 4, 2):
            write_links(self.merchant, count)
            write_links(None, 1)
            if count == 4:
                write_checkpoint()

    def found(self, **more: Any) -> list[tuple[str, int]]:
        return [(fault.stream, fault.seq) for fault in verify(paths=files(), **more).faults]

    def run_command(self, *arguments: str) -> tuple[int, str]:
        told = StringIO()
        try:
            call_command("audit_verify", *arguments, stdout=told, stderr=StringIO())
        except CommandError as error:
            return error.returncode, told.getvalue() + str(error)
        return 0, told.getvalue()


class Whole(VerifyTestCase):
    def test_a_chain_nobody_touched(self) -> None:
        report = verify(paths=files())
        self.assertEqual((report.links, report.faults, report.checkpoint), (13, (), 2))
        code, told = self.run_command()
        self.assertEqual(code, 0)
        self.assertIn("13 links", told)

    def test_page_by_page(self) -> None:
        for page in (1, 2, 3, 5):
            size, service.PAGE = service.PAGE, page
            try:
                seen: list[int] = []
                self.assertEqual(verify(paths=files(), progress=seen.append).faults, ())
                self.assertEqual((seen[-1], seen), (13, sorted(seen)))
            finally:
                service.PAGE = size

    def test_one_merchant_alone(self) -> None:
        as_owner("UPDATE audit_event SET actor = 'x' WHERE stream = 'platform' AND seq = 1")
        self.assertEqual(verify(stream=self.stream, paths=files()).links, 10)
        self.assertEqual(self.run_command("--merchant", to_public("mer", self.merchant))[0], 0)
        self.assertEqual(self.run_command()[0], 1)

    def test_without_a_checkpoint_it_is_not_proved(self) -> None:
        for path in files():
            path.unlink()
        self.assertEqual(self.run_command()[0], 2)


class Attacks(VerifyTestCase):
    """Each with the triggers off, as the owner of the tables."""

    def assert_found(self, seq: int) -> None:
        self.assertEqual(self.found(), [(self.stream, seq)])
        code, told = self.run_command("--quiet")
        self.assertEqual(code, 1)
        self.assertIn(f"({self.stream}, {seq})", told)

    def test_an_edit(self) -> None:
        as_owner(f"UPDATE audit_event SET actor = 'somebody' WHERE stream = '{self.stream}' AND seq = 5")
        self.assert_found(5)

    def test_every_column_of_a_link(self) -> None:
        for change in ("at = at + interval '1 us'", "action = 'x'", "object = 'x'", "detail = '{}'", "prev = '\\x01'"):
            with self.subTest(change=change):
                execute("CREATE TABLE kept AS SELECT * FROM audit_event")
                as_owner(f"UPDATE audit_event SET {change} WHERE stream = '{self.stream}' AND seq = 3")
                self.assert_found(3)
                as_owner("DELETE FROM audit_event", "SET LOCAL session_replication_role = replica")
                as_owner("INSERT INTO audit_event SELECT * FROM kept", "DROP TABLE kept")

    def test_an_edit_with_a_hash_that_fits(self) -> None:
        as_owner(
            f"UPDATE audit_event SET actor = 'x' WHERE stream = '{self.stream}' AND seq = 5",
            f"UPDATE audit_event SET hash = audit_hash(prev, stream, seq, at, actor, action, object, detail)"
            f" WHERE stream = '{self.stream}' AND seq = 5",
        )
        self.assert_found(6)

    def test_a_function_that_lies_for_the_edit(self) -> None:
        """The owner of the tables owns our functions as well: none of them is asked."""
        body = execute("SELECT pg_get_functiondef('audit_hash'::regproc)")[0][0]
        execute(body.split("AS $")[0] + "AS $$ SELECT '\\x01'::bytea $$")
        try:
            as_owner(f"UPDATE audit_event SET actor = 'x' WHERE stream = '{self.stream}' AND seq = 5")
            self.assert_found(5)
        finally:
            execute(body)

    def test_a_deletion(self) -> None:
        as_owner(f"DELETE FROM audit_event WHERE stream = '{self.stream}' AND seq IN (2, 3)")
        self.assert_found(2)

    def test_the_first_link_deleted(self) -> None:
        as_owner(f"DELETE FROM audit_event WHERE stream = '{self.stream}' AND seq = 1")
        self.assert_found(1)

    def test_a_reordering(self) -> None:
        as_owner(
            f"UPDATE audit_event SET seq = 100 WHERE stream = '{self.stream}' AND seq = 6",
            f"UPDATE audit_event SET seq = 6 WHERE stream = '{self.stream}' AND seq = 7",
            f"UPDATE audit_event SET seq = 7 WHERE stream = '{self.stream}' AND seq = 100",
        )
        self.assert_found(6)

    def test_a_reordering_that_fits_again(self) -> None:
        self.test_a_reordering()
        as_owner(CHAIN_ANEW.format(stream=self.stream))
        # Links 1 to 4 are what checkpoint 1 has signed; of 5 to 8 it is only known that something is not.
        self.assert_found(5)

    def test_a_cut_tail_below_the_head(self) -> None:
        as_owner(f"DELETE FROM audit_event WHERE stream = '{self.stream}' AND seq > 9")
        self.assert_found(10)

    def test_a_cut_tail_with_its_head(self) -> None:
        as_owner(
            f"DELETE FROM audit_event WHERE stream = '{self.stream}' AND seq > 6",
            f"UPDATE audit_head SET seq = 6, hash = (SELECT hash FROM audit_event WHERE stream = '{self.stream}'"
            f" AND seq = 6) WHERE stream = '{self.stream}'",
        )
        self.assert_found(7)

    def test_a_whole_stream_gone(self) -> None:
        as_owner(
            f"DELETE FROM audit_event WHERE stream = '{self.stream}'",
            f"DELETE FROM audit_head WHERE stream = '{self.stream}'",
        )
        self.assert_found(1)

    def test_a_head_gone(self) -> None:
        as_owner(f"DELETE FROM audit_head WHERE stream = '{self.stream}'")
        self.assert_found(1)

    def test_a_full_rewrite(self) -> None:
        """The owner changes link 6 and chains everything after it anew: only what lies outside can tell."""
        as_owner(
            f"UPDATE audit_event SET detail = '{{\"amount\": 1}}' WHERE stream = '{self.stream}' AND seq = 6",
            CHAIN_ANEW.format(stream=self.stream),
        )
        self.assertEqual(verify(paths=()).faults, ())
        self.assert_found(5)
        (fault,) = verify(paths=files()).faults
        self.assertIn("links 5 to 8", fault.words)

    def test_a_full_rewrite_from_the_first_link_on(self) -> None:
        as_owner(
            f"UPDATE audit_event SET actor = 'x' WHERE stream = '{self.stream}' AND seq = 1",
            CHAIN_ANEW.format(stream=self.stream),
        )
        self.assert_found(1)
        (fault,) = verify(paths=files()).faults
        self.assertIn("links 1 to 4", fault.words)

    def test_a_rewrite_that_is_shorter(self) -> None:
        as_owner(
            f"UPDATE audit_event SET actor = 'x' WHERE stream = '{self.stream}' AND seq = 2",
            f"DELETE FROM audit_event WHERE stream = '{self.stream}' AND seq > 6",
            CHAIN_ANEW.format(stream=self.stream),
        )
        self.assert_found(1)


class Files(VerifyTestCase):
    """What is outside must hold together as well."""

    def test_one_file_by_its_name(self) -> None:
        as_owner(
            f"UPDATE audit_event SET actor = 'x' WHERE stream = '{self.stream}' AND seq = 6",
            CHAIN_ANEW.format(stream=self.stream),
        )
        first, second = (str(path) for path in files())
        self.assertEqual(self.run_command("--checkpoint", first)[0], 0)
        self.assertEqual(self.run_command("--checkpoint", second)[0], 1)

    def test_files_that_prove_nothing(self) -> None:
        first, second = files()
        text = second.read_text()
        second.chmod(0o600)
        for other in (text.replace('"platform",2', '"platform",1'), first.read_text(), "{}", "not json"):
            second.write_text(other)
            with self.subTest(text=other[:30]):
                self.assertEqual(self.run_command()[0], 2)
        self.assertEqual(self.run_command("--checkpoint", str(self.folder / "nothing"))[0], 2)

    def test_a_merchant_nobody_has(self) -> None:
        self.assertEqual(self.run_command("--merchant", "mer_x")[0], 2)
