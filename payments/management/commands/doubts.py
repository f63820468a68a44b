"""`manage.py doubts`: payouts and refunds of which nobody tells how they ended, and two people who say it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from onpoint_pay.kit.caller import LIVE, MODES
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from onpoint_pay.kit.money import Money
from payments.models import DoubtDecision, MoneyOp
from payments.services.doubt_list import Doubt, doubts
from payments.services.doubts import Verdict, confirm, propose, reject
from payments.states import DOUBT_OUTCOMES


class Command(BaseCommand):
    help = (
        "Money that may or may not have left. `list` shows what only people can close; one person proposes how it "
        "ended, another confirms, and then it is booked, or its money freed. Every step is audited."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        show = steps.add_parser("list", help="What is in doubt, oldest first, with what is proposed.")
        show.add_argument("--mode", choices=MODES, default=LIVE)
        ask = steps.add_parser("propose", help="Say how a try ended, with what shows it.")
        ask.add_argument("name", metavar="TRY", help="The first column of the list, such as POT20261121K7Q2ZD-1-1.")
        ask.add_argument("--outcome", choices=DOUBT_OUTCOMES, required=True)
        ask.add_argument("--receipt", help="The network's receipt, or the bank's reference.")
        ask.add_argument("--note", default="", help="What was looked at, and where.")
        ask.add_argument("--actor", required=True, help="Who you are.")
        for step, words in (("confirm", "Agree, as another person."), ("reject", "Disagree, or take it back.")):
            one = steps.add_parser(step, help=words)
            one.add_argument("decision", metavar="dbt_…")
            one.add_argument("--actor", required=True, help="Who you are.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['step']}")(options)
        except (Problem, PublicIdInvalid) as error:
            raise CommandError(getattr(error, "detail", None) or f"{error} is no id like dbt_….") from None
        except (MoneyOp.DoesNotExist, DoubtDecision.DoesNotExist):
            raise CommandError("There is no such try or proposal.") from None

    def _list(self, options: dict[str, Any]) -> None:
        for doubt in doubts(options["mode"]):
            self.stdout.write(_shown(doubt))

    def _propose(self, options: dict[str, Any]) -> None:
        op = MoneyOp.objects.get(client_ref=options["name"])
        verdict = Verdict(outcome=options["outcome"], receipt=options["receipt"], note=options["note"])
        row = propose(op.id, verdict, actor=_person(options))
        self.stdout.write(f"{to_public('dbt', row.id)}: proposed; another person must confirm it.")

    def _confirm(self, options: dict[str, Any]) -> None:
        row = confirm(from_public("dbt", options["decision"]), actor=_person(options))
        self.stdout.write(f"Confirmed: {row.op.client_ref} has {row.outcome}.")

    def _reject(self, options: dict[str, Any]) -> None:
        reject(from_public("dbt", options["decision"]), actor=_person(options))
        self.stdout.write("Rejected; nothing has moved.")


def _person(options: dict[str, Any]) -> str:
    """One spelling for one person: Amina is amina."""
    return str(options["actor"]).strip().casefold()


def _shown(doubt: Doubt) -> str:
    op, row = doubt.op, doubt.proposal
    line = (
        f"{op.client_ref:<24} {op.kind:<9} {Money(op.amount, op.currency)!s:>14}  {doubt.why:<16}"
        f"{doubt.age.days:>3} d  not found {doubt.not_found}x"
    )
    if row is None:
        return line
    return f"{line}  {to_public('dbt', row.id)}: {row.outcome}, by {row.proposed_by} ({row.receipt or row.note[:40]})"
