"""`manage.py reconcile`: take statements in, compare them with the books, settle what does not fit, prove floats."""

import json
from argparse import ArgumentParser
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from onpoint_pay.kit.caller import LIVE, MODES
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.entries import FileRefused
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from onpoint_pay.kit.money import Money
from payments.services.reconcile import reconcile
from settlements.models import ReconException, ReconFile, ReconMatch, ReconRun
from settlements.serializers.recon import operator_body, suggestion_of
from settlements.serializers.recon_runs import run_body
from settlements.services.daily_proofs import prove_file
from settlements.services.float_proof import Proof, prove_account
from settlements.services.recon_exceptions import (
    assign_exception,
    close_exception,
    decide_match,
    propose_resolution,
    reopen_exception,
)
from settlements.services.recon_import import BANK, import_statement
from settlements.services.recon_runs import decide_run
from settlements.services.safeguarding import safeguarding_report
from settlements.states import (
    RECON_CLOSED,
    RECON_EXCEPTION_KINDS,
    RECON_QUEUE,
    RECON_SEVERITIES,
    RECON_SOURCES,
    RUN_WAITS,
)

MPESA = "daraja"
DEEDS = {
    "assign": "Say whose it is: --words NAME, or yours.",
    "propose": "Say how it should end, for another person to agree.",
    "close": "Agree with what another person proposed; posts it where that was proposed.",
    "reopen": "Disagree with what was proposed.",
}


class Command(BaseCommand):
    help = (
        "Reconcile statements with the books. `import` takes a file in, `run` compares again, `exceptions` lists what"
        " does not fit; `assign`, `propose`, `close`, `reopen` and `match` settle it, by two people; `proof` and"
        " `safeguard` prove the floats. Each step has its own --help."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
        take = _of_account(
            steps.add_parser(
                "import", help="Take a statement in, whole or not at all, compare it with the books, prove its days."
            )
        )
        take.add_argument("file", type=Path, help="As the provider or bank gave it out.")
        take.add_argument("--source", choices=RECON_SOURCES, required=True, help="What kind of file it is.")
        take.add_argument("--currency", default="KES", help="Of the account (default KES).")
        take.add_argument("--batch", default="", help="Of a card provider's transactions: the settlement they are of.")
        take.add_argument(
            "--days",
            nargs=2,
            type=date.fromisoformat,
            metavar=("FIRST", "LAST"),
            help="Of a card provider's transactions: the days that the list tells whole.",
        )
        take.add_argument("--only-import", action="store_true", help="Compare nothing yet.")
        _of_account(steps.add_parser("run", help="Compare again: one account, or without one all of them."))
        show = _of_account(steps.add_parser("exceptions", help="What does not fit, the oldest first."))
        show.add_argument("--kind", choices=RECON_EXCEPTION_KINDS, help="One kind only.")
        show.add_argument("--severity", choices=RECON_SEVERITIES, help="One severity only.")
        show.add_argument("--owner", help=f"Those of one person; `{RECON_QUEUE}` is nobody's yet.")
        show.add_argument("--closed", action="store_true", help="Closed ones too.")
        show.add_argument("--json", action="store_true", help="One JSON object a line.")
        proof = _of_account(steps.add_parser("proof", help="Prove the floats at the end of a day. Exits 1 on red."))
        proof.add_argument("--day", type=date.fromisoformat, help="YYYY-MM-DD in Nairobi; yesterday without it.")
        proof.add_argument("--json", action="store_true", help="One JSON object a line, amounts in cents.")
        safe = steps.add_parser("safeguard", help="Whether what is held covers what is owed. Exits 1 when it does not.")
        safe.add_argument("--json", action="store_true", help="One JSON object a line, amounts in cents.")
        for step, told in DEEDS.items():
            one = steps.add_parser(step, help=told)
            one.add_argument("exception", metavar="rcx_…", help="As `exceptions` shows it.")
            one.add_argument("--actor", required=True, help="Who you are: a person's name.")
            one.add_argument("--words", default="", help="How it ends, why it is opened again, or whose it is.")
        steps.choices["propose"].add_argument(
            "--post", metavar="ACCOUNT", help="Post it against this account of ours: loss, capital, overpaid …"
        )
        match = steps.add_parser("match", help="Say whether a proposed match is right.")
        match.add_argument("line", type=int, help="The line's number, as `proposals` shows it.")
        match.add_argument("--actor", required=True, help="Who you are: a person's name.")
        match.add_argument("--wrong", action="store_true", help="It is not: never propose it again.")
        brought = steps.add_parser(
            "brought", help="Statements that merchants brought in live mode and that wait for you."
        )
        brought.add_argument("--json", action="store_true", help="One JSON object a line.")
        decide = steps.add_parser("decide", help="Let a statement that a merchant brought be taken in, or refuse it.")
        decide.add_argument("run", metavar="rec_…", help="As `brought` shows it.")
        decide.add_argument("--actor", required=True, help="Who you are: a person's name.")
        decide.add_argument(
            "--refuse", action="store_true", help="It is not what the provider says: take nothing of it."
        )
        _of_account(steps.add_parser("proposals", help="Matches by payer, amount and minutes that wait for a person."))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['step']}")(options)
        except (FileRefused, Problem, PublicIdInvalid, OSError) as error:
            raise CommandError(str(error)) from None
        except ReconException.DoesNotExist:
            raise CommandError("There is no such exception.") from None

    # --- statements ---------------------------------------------------------------------------------------------------

    def _import(self, options: dict[str, Any]) -> None:
        account = _account(options)
        if account is None:
            raise CommandError("Name the account: --shortcode or --bank-account.")
        with options["file"].open("rb") as stream:
            done = import_statement(
                stream,
                source=options["source"],
                account=account,
                mode=options["mode"],
                name=options["file"].name,
                actor="operator",
                currency=options["currency"],
                batch=options["batch"],
                days=None if options["days"] is None else (options["days"][0], options["days"][1]),
            )
        if not done.is_new:
            self.stdout.write("This file was taken before: nothing was added.")
            return
        self.stdout.write(
            f"{to_public('rcf', done.file_id)}: {done.lines} lines, {done.lines_new} of them new, "
            f"{done.unparsable} unreadable, {done.gaps} gaps."
        )
        if not options["only_import"]:
            self._compare(account, options["mode"])
            for proof in prove_file(ReconFile.objects.get(id=done.file_id)):
                self.stdout.write(_shown(proof))

    def _run(self, options: dict[str, Any]) -> None:
        for account in _accounts(options):
            self._compare(account, options["mode"])

    def _compare(self, account: str, mode: str) -> None:
        run = reconcile(account=account, mode=mode, actor="operator")
        rules = ", ".join(f"{count} by {rule}" for rule, count in run.matched.items() if count) or "none"
        found = ", ".join(f"{count} {kind}" for kind, count in run.exceptions.items()) or "none"
        self.stdout.write(
            f"{account}: matched {rules}; {run.proposed} proposed; {run.charges} charges; "
            f"{run.batches} settlements; {run.booked} booked; {run.undone} undone; "
            f"{run.expired} expired; exceptions: {found}; {run.closed} closed; "
            f"{run.seconds:.1f} s."
        )

    def _brought(self, options: dict[str, Any]) -> None:
        for row in ReconRun.objects.filter(status=RUN_WAITS).order_by("id").iterator():
            body = run_body(row)
            text = f"{body['id']}  {row.account}  {row.source}  {row.name}  by {row.requested_by}  {body['created_at']}"
            self.stdout.write(json.dumps(body) if options["json"] else text)

    def _decide(self, options: dict[str, Any]) -> None:
        decide_run(from_public("rec", options["run"]), actor=options["actor"], agrees=not options["refuse"])
        self.stdout.write("Refused." if options["refuse"] else "Agreed: a worker takes it in.")

    # --- exceptions ---------------------------------------------------------------------------------------------------

    def _exceptions(self, options: dict[str, Any]) -> None:
        rows = ReconException.objects.filter(mode=options["mode"]).order_by("opened_at", "id")
        account = _account(options)
        rows = rows.filter(account=account) if account else rows
        for name in ("kind", "severity", "owner"):
            rows = rows.filter(**{name: options[name]}) if options[name] else rows
        rows = rows if options["closed"] else rows.exclude(status=RECON_CLOSED)
        for row in rows.iterator():
            if options["json"]:
                self.stdout.write(json.dumps(operator_body(row)))
                continue
            days = (now() - row.opened_at).days
            name = to_public("rcx", row.id)
            self.stdout.write(
                f"{name}  {row.kind:<16} {row.severity:<6} {row.status:<8} {days:>3} d  {row.owner:<14}"
                f" {Money(row.amount, row.currency)!s:>16}  {row.external_id or '-':<12} {row.account}"
                f"  suggested: {suggestion_of(row)}"
            )

    def _proposals(self, options: dict[str, Any]) -> None:
        rows = ReconMatch.objects.filter(state="proposed", line__mode=options["mode"]).select_related("line")
        account = _account(options)
        for match in (rows.filter(line__account=account) if account else rows).order_by("id").iterator():
            line = match.line
            self.stdout.write(
                f"{line.id}  {line.external_id:<12} {Money(line.amount, line.currency)!s:>16}  {match.object_type}"
                f" {match.object_id}  {line.account}"
            )

    def _propose(self, options: dict[str, Any]) -> None:
        if not options["words"]:
            raise CommandError("Say how it ends: --words.")
        propose_resolution(_key(options), actor=options["actor"], resolution=options["words"], contra=options["post"])
        self.stdout.write("Proposed: another person must close it.")

    def _close(self, options: dict[str, Any]) -> None:
        row = close_exception(_key(options), actor=options["actor"])
        self.stdout.write("Closed, and posted." if row.transfer_id else "Closed.")

    def _reopen(self, options: dict[str, Any]) -> None:
        reopen_exception(_key(options), actor=options["actor"], reason=options["words"])
        self.stdout.write("Open again.")

    def _assign(self, options: dict[str, Any]) -> None:
        assign_exception(_key(options), owner=options["words"] or options["actor"], actor=options["actor"])
        self.stdout.write("Assigned.")

    def _match(self, options: dict[str, Any]) -> None:
        decide_match(options["line"], actor=options["actor"], is_right=not options["wrong"])
        self.stdout.write("Rejected." if options["wrong"] else "Confirmed.")

    # --- proofs -------------------------------------------------------------------------------------------------------

    def _proof(self, options: dict[str, Any]) -> None:
        day = options["day"] or nairobi(now()).date() - timedelta(days=1)
        proofs = [prove_account(account, day, mode=options["mode"]) for account in _accounts(options)]
        for proof in proofs:
            self.stdout.write(json.dumps(proof.report()) if options["json"] else _shown(proof))
        if red := [proof.account for proof in proofs if not proof.is_green]:
            raise CommandError(f"Red: {', '.join(red)}.", returncode=1)

    def _safeguard(self, options: dict[str, Any]) -> None:
        rows = safeguarding_report()
        for row in rows:
            if options["json"]:
                self.stdout.write(json.dumps(row.report()))
                continue
            owed, cash, cover = (Money(minor, row.currency) for minor in (*map(sum, _sides(row)), row.cover))
            self.stdout.write(f"{row.mode} {row.currency}: owed {owed}, held {cash}, cover {cover}")
        if any(not row.is_covered for row in rows):
            raise CommandError("What is owed is more than what is held: add the operator's own money.", returncode=1)


def _sides(row: Any) -> tuple[list[int], list[int]]:
    return list(row.owed.values()), list(row.cash.values())


def _of_account(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("--shortcode", help="The shortcode at the provider.")
    parser.add_argument("--provider", default=MPESA, help="Whose shortcode it is (default M-Pesa's, daraja).")
    parser.add_argument("--bank-account", help="Our name of the bank account.")
    parser.add_argument("--mode", choices=MODES, default=LIVE, help="Of the account (default live).")
    return parser


def _account(options: dict[str, Any]) -> str | None:
    if options["bank_account"]:
        return f"{BANK}:{options['bank_account']}"
    return f"{options['provider']}:{options['shortcode']}" if options["shortcode"] else None


def _accounts(options: dict[str, Any]) -> list[str]:
    named = _account(options)
    if named:
        return [named]
    known = ReconFile.objects.filter(mode=options["mode"]).order_by("account").values_list("account", flat=True)
    return list(known.distinct())


def _key(options: dict[str, Any]) -> Any:
    return from_public("rcx", options["exception"])


def _shown(proof: Proof) -> str:
    ledger = Money(proof.ledger_balance).decimal_text()
    if proof.provider_balance is None or proof.gap is None:
        return f"{proof.account} {proof.day}: RED, ledger {ledger}, and no statement reaches the end of the day"
    colour = "green" if proof.is_green else "RED"
    parts = (
        ", ".join(f"{name} {Money(minor).decimal_text()}" for name, minor in sorted(proof.parts.items())) or "nothing"
    )
    rest = Money(proof.unexplained or 0).decimal_text()
    provider, gap = Money(proof.provider_balance).decimal_text(), Money(proof.gap).decimal_text()
    return (
        f"{proof.account} {proof.day}: {colour}, ledger {ledger}, provider {provider}, gap {gap}, "
        f"explained by {parts}, unexplained {rest}"
    )
