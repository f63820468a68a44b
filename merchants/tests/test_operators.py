"""Operators are made, changed and removed by a terminal only, and everything about it is on record."""

from io import StringIO

from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from merchants.models import Operator, RecoveryCode, Totp, User
from merchants.services import operators
from merchants.tests.factories import make_member, make_merchant, make_user
from onpoint_pay.kit.errors import NotFound, Problem
from tests.operators import OperatorsTestCase, make_operator, signed_in, told


def run(*words: str) -> str:
    out = StringIO()
    call_command("operator", *words, stdout=out)
    return out.getvalue()


def line(text: str, name: str) -> str:
    return next(each for each in text.splitlines() if each.startswith(name)).removeprefix(f"{name}: ")


class Enrolling(OperatorsTestCase):
    def test_somebody_new_gets_all_it_takes_to_come_in(self) -> None:
        said = run("add", "Achieng@example.com", "--role", "risk", "--role", "compliance")
        user = User.objects.get(email="achieng@example.com")
        self.assertTrue(user.check_password(line(said, "password")))
        self.assertIn("otpauth://totp/", line(said, "second factor"))
        self.assertEqual(len(line(said, "recovery codes").split()), 10)
        self.assertEqual(Operator.objects.get(user=user).roles, ["compliance", "risk"])
        answer = self.give_password(user.email, line(said, "password"))
        first = line(said, "recovery codes").split()[0]
        self.give_code(answer.context["form"].initial["challenge"], first)
        self.assertTrue(self.is_in())
        (link,) = told("operator.enrolled")
        self.assertEqual((link.stream, link.actor, link.object), ("platform", "operator", user.public_id))

    def test_nothing_secret_is_on_record(self) -> None:
        said = run("add", "achieng@example.com", "--role", "risk")
        (link,) = told("operator.enrolled")
        self.assertEqual(link.told, {"roles": ["risk"]})
        self.assertNotIn(line(said, "password"), str(Totp.objects.values().get()))

    def test_a_merchants_person_keeps_password_and_second_factor(self) -> None:
        user = make_member(make_merchant())
        said = run("add", user.email, "--role", "read_only")
        self.assertEqual(line(said, "password"), "the one they have")
        self.assertIn("otpauth://", said)
        user.refresh_from_db()
        Operator.objects.all().delete()
        self.assertEqual(line(run("add", user.email, "--role", "read_only"), "second factor"), "the one they have")

    def test_an_address_that_was_never_verified_may_be_anybodys(self) -> None:
        user = make_user(email_verified_at=None)
        with self.assertRaises(CommandError):
            run("add", user.email, "--role", "risk")
        self.assertFalse(Operator.objects.exists())

    def test_once_and_with_roles_that_exist(self) -> None:
        user = make_operator("risk")
        with self.assertRaisesMessage(CommandError, "operator already"):
            run("add", user.email, "--role", "risk")
        with self.assertRaises(Problem):
            operators.enrol("x@example.com", roles=["owner"], first_name="A", last_name="B", actor="operator")
        for roles in ([], ["owner"], ["risk", "root"]):
            with self.assertRaises(IntegrityError), transaction.atomic():
                Operator.objects.create(user=make_user(), roles=roles)


class Changing(OperatorsTestCase):
    def test_other_roles_hold_from_the_next_request_on(self) -> None:
        user = make_operator("read_only")
        client = signed_in(user)
        self.assertEqual(client.get("/operators/audit/audithead/").status_code, 403)
        run("roles", user.email, "--role", "risk")
        self.assertEqual(client.get("/operators/audit/audithead/").status_code, 200)
        (link,) = told("operator.roles_changed")
        self.assertEqual(link.told, {"roles": ["risk"], "before": ["read_only"]})

    def test_removing_leaves_the_account(self) -> None:
        user = make_operator("risk")
        client = signed_in(user)
        run("remove", user.email)
        self.assertFalse(self.is_in(client))
        self.assertTrue(User.objects.get(id=user.id).is_active)
        self.assertEqual(len(told("operator.dismissed")), 1)

    def test_renewing_ends_what_was(self) -> None:
        user = make_operator("risk")
        client, before = signed_in(user), Totp.objects.get().id
        said = run("renew", user.email)
        self.assertFalse(self.is_in(client))
        self.assertNotEqual(Totp.objects.get().id, before)
        self.assertEqual(RecoveryCode.objects.filter(user=user).count(), 10)
        self.assertTrue(User.objects.get(id=user.id).check_password(line(said, "password")))

    def test_the_list_says_who_cannot_come_in(self) -> None:
        make_operator("risk")
        Operator.objects.create(user=make_user("bare@example.com"), roles=["operator"])
        said = run("list")
        self.assertIn("two-factor on", said)
        self.assertIn("bare@example.com  operator  NO SECOND FACTOR", said)

    def test_of_somebody_who_is_none(self) -> None:
        user = make_user()
        for email in (user.email, "nobody@example.com"):
            for work in (operators.dismiss, operators.renew):
                with self.assertRaises(NotFound):
                    work(email, actor="operator")
            with self.assertRaises(CommandError):
                run("roles", email, "--role", "risk")
