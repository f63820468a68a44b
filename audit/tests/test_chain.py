"""The audit chain: each link holds the one before it, and nothing in it can be changed, removed or slipped in."""

from typing import Any
from uuid import UUID

import psycopg2
from django.db import DatabaseError, connection, transaction
from django.test import TestCase, TransactionTestCase

from audit.guards import APPEND_ONLY, keep
from audit.models import AuditEvent, AuditHead, AuditOrigin
from audit.services import Deed, record, record_all
from merchants.tests.threads import at_once
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.origin import serving
from payments.invariants import INVARIANTS

SQL = {invariant.name: invariant.sql for invariant in INVARIANTS}


def write(merchant: UUID | None, action: str = "thing.done", **more: Any) -> None:
    record(merchant_id=merchant, actor="tests", action=action, **more)


def links(merchant: UUID | None) -> list[AuditEvent]:
    stream = "platform" if merchant is None else f"m{merchant}"
    return list(AuditEvent.objects.filter(stream=stream).order_by("seq"))


def execute(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall()) if cursor.description else []


class Links(TestCase):
    def setUp(self) -> None:
        self.merchant = new_id()

    def test_each_link_holds_the_one_before(self) -> None:
        for number in range(4):
            write(self.merchant, f"step.{number}", object_id=f"thing_{number}", detail={"n": number, "ä": [1, None]})
        chain = links(self.merchant)
        self.assertEqual([link.seq for link in chain], [1, 2, 3, 4])
        self.assertEqual([bytes(link.prev) for link in chain], [b"\x00", *(bytes(link.hash) for link in chain[:-1])])
        self.assertEqual(len({bytes(link.hash) for link in chain}), 4)
        self.assertTrue(all(len(link.hash) == 32 for link in chain))
        self.assertEqual([link.at for link in chain], sorted(link.at for link in chain))
        self.assertEqual(
            (chain[3].action, chain[3].object, chain[3].detail), ("step.3", "thing_3", {"n": 3, "ä": [1, None]})
        )

    def test_many_at_once_each_with_where_they_came_from(self) -> None:
        deeds = [Deed(actor="tests", action=f"step.{n}", detail={"n": n}) for n in range(3)]
        with serving("req_1", address="203.0.113.7", user_agent="curl"):
            record_all(deeds, merchant_id=self.merchant)
        record_all(deeds, merchant_id=self.merchant)
        chain = links(self.merchant)
        self.assertEqual(
            [(link.seq, link.detail["n"]) for link in chain], [(1, 0), (2, 1), (3, 2), (4, 0), (5, 1), (6, 2)]
        )
        self.assertEqual([link.detail.get("origin", {}).get("request") for link in chain], ["req_1"] * 3 + [None] * 3)
        kept = AuditOrigin.objects.filter(stream=f"m{self.merchant}").order_by("seq")
        self.assertEqual(list(kept.values_list("seq", "address")), [(n, "203.0.113.7") for n in (1, 2, 3)])

    def test_the_head_is_the_last_link(self) -> None:
        write(self.merchant)
        write(self.merchant)
        head = AuditHead.objects.get(stream=f"m{self.merchant}")
        last = links(self.merchant)[-1]
        self.assertEqual((head.seq, bytes(head.hash)), (2, bytes(last.hash)))

    def test_the_hash_covers_every_column(self) -> None:
        write(self.merchant, detail={"a": 1})
        columns = ["prev", "stream", "seq", "at", "actor", "action", "object", "detail"]
        changed = {"prev": "'\\x01'", "seq": "2", "at": "at + interval '1 us'", "detail": "'{\"a\": 2}'"}
        (row,) = execute(
            f"SELECT hash, audit_hash({', '.join(columns)}) FROM audit_event WHERE stream = %s", f"m{self.merchant}"
        )
        self.assertEqual(bytes(row[0]), bytes(row[1]))
        for column in columns:
            with self.subTest(column=column):
                values = ", ".join(changed.get(name, "'other'") if name == column else name for name in columns)
                ((other,),) = execute(
                    f"SELECT audit_hash({values}) FROM audit_event WHERE stream = %s", f"m{self.merchant}"
                )
                self.assertNotEqual(bytes(row[0]), bytes(other))

    def test_streams_are_apart(self) -> None:
        other = new_id()
        for merchant in (self.merchant, other, None, self.merchant):
            write(merchant)
        self.assertEqual([len(links(merchant)) for merchant in (self.merchant, other)], [2, 1])
        self.assertEqual(links(None)[-1].stream, "platform")

    def test_what_a_writer_says_about_its_place_counts_for_nothing(self) -> None:
        write(self.merchant)
        execute(
            "INSERT INTO audit_event (stream, seq, at, actor, action, object, detail, prev, hash)"
            " VALUES (%s, 77, '2020-01-01', 'a', 'b', '', '{}', 'x', 'y')",
            f"m{self.merchant}",
        )
        second = links(self.merchant)[1]
        self.assertEqual((second.seq, bytes(second.prev)), (2, bytes(links(self.merchant)[0].hash)))
        self.assertGreater(second.at.year, 2020)
        self.assertEqual(execute(SQL["I18"]), [])

    def test_links_cannot_be_changed_or_removed(self) -> None:
        write(self.merchant)
        for statement in (
            "UPDATE audit_event SET actor = 'x'",
            "DELETE FROM audit_event",
            "UPDATE audit_event SET seq = seq",
        ):
            with (
                self.subTest(statement=statement),
                self.assertRaisesMessage(DatabaseError, "audit_event is append-only"),
                transaction.atomic(),
            ):
                execute(statement)
        self.assertEqual(len(links(self.merchant)), 1)


class Violations(TestCase):
    """What a superuser could still do, and the proof sees."""

    def setUp(self) -> None:
        self.merchant = new_id()
        for _ in range(3):
            write(self.merchant)
        self.stream = f"m{self.merchant}"
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        execute("ALTER TABLE audit_event DISABLE TRIGGER USER")

    def assert_found(self, invariant: str, *seqs: int) -> None:
        self.assertEqual(
            [row[-1] for row in execute(SQL[invariant]) if row[0] == self.stream], list(seqs) or [self.stream]
        )

    def test_an_edited_link(self) -> None:
        execute("UPDATE audit_event SET detail = '{\"a\": 1}' WHERE stream = %s AND seq = 2", self.stream)
        self.assert_found("I18", 2)

    def test_an_edited_link_with_a_new_hash(self) -> None:
        execute("UPDATE audit_event SET actor = 'x' WHERE stream = %s AND seq = 2", self.stream)
        execute(
            "UPDATE audit_event SET hash = audit_hash(prev, stream, seq, at, actor, action, object, detail)"
            " WHERE stream = %s AND seq = 2",
            self.stream,
        )
        self.assert_found("I18", 3)

    def test_a_removed_link(self) -> None:
        execute("DELETE FROM audit_event WHERE stream = %s AND seq = 2", self.stream)
        self.assert_found("I18", 3)

    def test_a_removed_end(self) -> None:
        execute("DELETE FROM audit_event WHERE stream = %s AND seq = 3", self.stream)
        self.assertEqual(execute(SQL["I18"]), [])
        self.assert_found("I19")

    def test_a_head_that_was_set_back(self) -> None:
        execute("UPDATE audit_head SET seq = 2 WHERE stream = %s", self.stream)
        self.assert_found("I19")


class Transactions(TransactionTestCase):
    def test_a_link_needs_the_transaction_of_its_change(self) -> None:
        with self.assertRaisesMessage(RuntimeError, "in the transaction of the change"):
            write(None)
        self.assertFalse(AuditEvent.objects.exists())

    def test_a_change_that_is_undone_leaves_no_link(self) -> None:
        merchant = new_id()
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            write(merchant)
            raise ZeroDivisionError
        self.assertFalse(AuditEvent.objects.exists() or AuditHead.objects.filter(seq__gt=0).exists())

    def test_many_writers_make_one_chain(self) -> None:
        merchant = new_id()

        def work(number: int) -> None:
            for turn in range(5):
                with transaction.atomic():
                    write(merchant, f"writer.{number}.{turn}")

        at_once(16, work)
        self.assertEqual([link.seq for link in links(merchant)], list(range(1, 81)))
        self.assertEqual((execute(SQL["I18"]), execute(SQL["I19"])), ([], []))


class OutsideOfTests(TransactionTestCase):
    """In a database that is not one of tests, a kept table cannot be emptied either."""

    def test_a_kept_table(self) -> None:
        name = f"kept_{new_id().hex}"
        parameters = connection.get_connection_params() | {"dbname": name}
        for alien in ("cursor_factory", "context"):
            parameters.pop(alien, None)
        # On a busy disk a database takes longer to make and drop than any statement of the product may.
        execute("SET statement_timeout = 0")
        self.addCleanup(execute, "RESET statement_timeout")
        execute(f"CREATE DATABASE {name}")
        try:
            other = psycopg2.connect(**parameters)
            try:
                self.assert_kept(other)
            finally:
                other.close()
        finally:
            execute(f"DROP DATABASE {name}")

    def assert_kept(self, other: Any) -> None:
        other.autocommit = True
        with other.cursor() as cursor:
            cursor.execute(APPEND_ONLY + "CREATE TABLE book (id int);" + keep("book") + "INSERT INTO book VALUES (1);")
            for statement in ("UPDATE book SET id = 2", "DELETE FROM book", "TRUNCATE book"):
                refused = self.assertRaisesRegex(psycopg2.errors.InsufficientPrivilege, "book is append-only")
                with self.subTest(statement=statement), refused:
                    cursor.execute(statement)
            cursor.execute("SELECT id FROM book")
            self.assertEqual(cursor.fetchall(), [(1,)])
