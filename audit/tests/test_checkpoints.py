"""Checkpoints: signed, outside the database, each on top of the one before, and never over a chain that was changed."""

import base64
import json
from io import StringIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core import mail
from django.core.checks import Error, Warning
from django.core.management import CommandError, call_command
from django.test import SimpleTestCase, TransactionTestCase, override_settings

from audit.checks import signing_key_is_set
from audit.merkle import root
from audit.models import AuditCheckpoint, AuditEvent
from audit.services.checkpoint_files import files, load
from audit.services.checkpoint_mail import mail_checkpoints
from audit.services.checkpoints import ChainDeparted, heads, write_checkpoint
from audit.statement import NOTHING_BEFORE, CheckpointInvalid
from audit.tests.base import OTHER_KEY, SIGNING_KEY, WithFolder, as_owner, write_links
from merchants.tests.threads import at_once
from onpoint_pay.kit.ids import new_id


class CheckpointTestCase(WithFolder, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = new_id()
        self.stream = f"m{self.merchant}"
        write_links(self.merchant, 3)
        write_links(None, 2)


class Writing(CheckpointTestCase):
    def test_what_is_signed(self) -> None:
        signed = write_checkpoint()
        assert signed is not None
        statement = signed.statement
        self.assertEqual((statement.number, statement.previous, statement.streams), (1, NOTHING_BEFORE, 2))
        self.assertEqual(statement.root, root(heads()))
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(statement.public_key))
        public.verify(base64.b64decode(signed.signature), signed.text.encode())
        self.assertEqual(json.loads(signed.text)["root"], statement.root)

    def test_the_file_is_all_there_is_to_it_and_nobody_writes_to_it(self) -> None:
        signed = write_checkpoint()
        (path,) = files()
        self.assertEqual(path.name, "checkpoint-00000001.jsonl")
        self.assertEqual(path.stat().st_mode & 0o777, 0o400)
        self.assertEqual(load(path), signed)
        self.assertEqual([each.name for each in self.folder.iterdir()], [path.name])
        self.assertNotIn(SIGNING_KEY, path.read_text() + str(AuditCheckpoint.objects.values()))

    def test_each_names_the_one_before(self) -> None:
        first = write_checkpoint()
        write_links(self.merchant, 1)
        second = write_checkpoint()
        assert first is not None and second is not None
        self.assertEqual((second.statement.number, second.statement.previous), (2, first.digest))
        self.assertNotEqual(first.statement.root, second.statement.root)
        self.assertEqual(AuditCheckpoint.objects.count(), 2)

    def test_two_at_once_make_one(self) -> None:
        made = at_once(2, lambda number: write_checkpoint())
        numbers = sorted(signed.statement.number for signed in made if signed)
        # One after the other they make two, at the same time one.
        self.assertIn(numbers, ([1], [1, 2]))
        self.assertEqual([load(path).statement.number for path in files()], numbers)

    @override_settings(AUDIT_SIGNING_KEY="")
    def test_without_a_key_none_is_made(self) -> None:
        self.assertIsNone(write_checkpoint())
        self.assertEqual((files(), AuditCheckpoint.objects.count()), ([], 0))

    def test_another_key_goes_on_when_the_old_one_is_trusted(self) -> None:
        first = write_checkpoint()
        assert first is not None
        with override_settings(AUDIT_SIGNING_KEY=OTHER_KEY), self.assertRaises(CheckpointInvalid):
            write_checkpoint()
        with override_settings(AUDIT_SIGNING_KEY=OTHER_KEY, AUDIT_PUBLIC_KEYS=[first.statement.public_key]):
            second = write_checkpoint()
        assert second is not None
        self.assertEqual(second.statement.previous, first.digest)
        self.assertNotEqual(second.statement.public_key, first.statement.public_key)


class Mending(CheckpointTestCase):
    def test_a_crash_between_file_and_copy(self) -> None:
        write_checkpoint()
        AuditCheckpoint.objects.all().delete()
        write_checkpoint()
        self.assertEqual(list(AuditCheckpoint.objects.order_by("number").values_list("number", flat=True)), [1, 2])

    def test_an_empty_folder_is_filled_from_the_copies(self) -> None:
        for _ in range(2):
            write_checkpoint()
        texts = [path.read_text() for path in files()]
        for path in files():
            path.unlink()
        third = write_checkpoint()
        assert third is not None
        self.assertEqual([path.read_text() for path in files()[:2]], texts)
        self.assertEqual((len(files()), third.statement.number), (3, 3))

    def test_a_copy_that_was_changed_is_not_believed(self) -> None:
        write_checkpoint()
        files()[0].unlink()
        AuditCheckpoint.objects.update(heads='["platform",1,"00"]\n')
        with self.assertRaises(CheckpointInvalid):
            write_checkpoint()
        self.assertEqual(files(), [])


class Refusing(CheckpointTestCase):
    """Signing on top of a chain that was changed would make the change true."""

    def test_a_chain_that_was_cut_or_rewritten(self) -> None:
        write_checkpoint()
        as_owner(
            f"DELETE FROM audit_event WHERE stream = '{self.stream}' AND seq = 3",
            f"UPDATE audit_head SET seq = 2, hash = (SELECT hash FROM audit_event WHERE stream = '{self.stream}'"
            f" AND seq = 2) WHERE stream = '{self.stream}'",
        )
        with self.assertRaises(ChainDeparted) as caught:
            write_checkpoint()
        (found,) = caught.exception.found
        self.assertEqual((found.stream, found.seq, found.last, found.is_cut), (self.stream, 3, 2, True))
        self.assertEqual(len(files()), 1)
        told = AuditEvent.objects.get(action="audit.checkpoint_refused")
        self.assertEqual(told.detail["streams"], [[self.stream, 3, 2]])

    def test_the_command_says_so(self) -> None:
        write_checkpoint()
        as_owner(f"DELETE FROM audit_event WHERE stream = '{self.stream}'")
        with self.assertRaisesMessage(CommandError, "Nothing was signed") as caught:
            call_command("audit_checkpoint", stdout=StringIO())
        self.assertEqual(caught.exception.returncode, 1)

    def test_a_file_that_was_changed(self) -> None:
        write_checkpoint()
        (path,) = files()
        text = path.read_text()
        for other in (text.replace('"platform",2', '"platform",1'), text[:-5], "", text.replace('"number', '"numbex')):
            path.chmod(0o600)
            path.write_text(other)
            with self.subTest(text=other[:20]), self.assertRaises(CheckpointInvalid):
                write_checkpoint()
        self.assertEqual(len(files()), 1)


class Mailing(CheckpointTestCase):
    @override_settings(CHECKPOINT_EMAILS=["ops@example.com"])
    def test_operators_get_each_once_and_it_is_the_file(self) -> None:
        write_checkpoint()
        self.assertEqual((mail_checkpoints(), mail_checkpoints()), (1, 0))
        (message,) = mail.outbox
        self.assertEqual(message.to, ["ops@example.com"])
        name, content, _ = message.attachments[0]
        self.assertEqual((name, content), (files()[0].name, files()[0].read_text()))

    def test_nobody_is_named(self) -> None:
        write_checkpoint()
        self.assertEqual((mail_checkpoints(), mail.outbox), (0, []))


class Checks(SimpleTestCase):
    def test_before_a_deployment(self) -> None:
        for key, wanted in (("", Warning), ("no key", Error), (SIGNING_KEY, None)):
            with self.subTest(key=key), override_settings(AUDIT_SIGNING_KEY=key):
                self.assertEqual([type(found) for found in signing_key_is_set()], [wanted] if wanted else [])
