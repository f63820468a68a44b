"""`manage.py webhooks`: how deliveries are doing, and the same things by hand that merchants do through the API."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from onpoint_pay.kit.clock import now, rfc3339
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from webhooks import bell
from webhooks.models import MISSED, RECOVERABLE, RUNNING, Delivery, Endpoint, Recovery
from webhooks.selectors.find import BIGGEST_DELIVERY
from webhooks.selectors.metrics import LATELY_MINUTES, Readings, read_all
from webhooks.services.recovery import advance, start_recovery
from webhooks.services.resend import resend_delivery
from webhooks.services.retention import tend_attempts

T = TypeVar("T")
ACTOR = "operator"
# While a worker is at the same recovery.
LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = "Show how webhooks are doing, send deliveries again, recover what an endpoint missed, tend old tries."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        status = actions.add_parser(
            "status",
            help="Drains, endpoints by breaker, what waits, and the last minutes.",
            description="How deliveries are doing, over all merchants and modes. Reads only.",
        )
        status.add_argument("--json", action="store_true", help="Print one JSON object, for programs.")
        resend = actions.add_parser(
            "resend",
            help="Send deliveries again.",
            description="Send these deliveries again now, whatever became of them, with the same event ids.",
        )
        resend.add_argument("deliveries", nargs="+", metavar="DELIVERY_ID", help="whd_… as the API shows it.")
        self._add_recover(actions)
        actions.add_parser(
            "tend",
            help="Make the partitions of the next days and drop old tries.",
            description=f"Make partitions for tries a week ahead, and drop those of tries that have been kept for "
            f"WEBHOOK_ATTEMPTS_KEPT_DAYS ({settings.WEBHOOK_ATTEMPTS_KEPT_DAYS}) days. Runs by itself every hour.",
        )

    def _add_recover(self, actions: Any) -> None:
        recover = actions.add_parser(
            "recover",
            help="Send again what an endpoint missed.",
            description="Open deliveries of an endpoint again, however many, at the pace of "
            "WEBHOOK_RECOVER_PER_SECOND. The endpoint must be enabled, and one recovery of it runs at a time.",
        )
        recover.add_argument("endpoint", metavar="ENDPOINT_ID", help="whe_… as the API shows it.")
        recover.add_argument("--since", required=True, metavar="TIME", help="RFC 3339; made at or after it.")
        recover.add_argument("--until", metavar="TIME", help="RFC 3339; made before it (default now).")
        recover.add_argument(
            "--only",
            choices=RECOVERABLE,
            default=MISSED,
            help="missed: failed or held (default); all repeats what was delivered too.",
        )
        recover.add_argument(
            "--type",
            action="append",
            default=[],
            dest="types",
            metavar="TYPE",
            help="An event type such as payment.*; may be given several times.",
        )
        recover.add_argument("--wait", action="store_true", help="Work on it here and show how far it is, to its end.")

    def handle(self, *args: Any, **options: Any) -> None:
        work: Callable[[dict[str, Any]], None] = getattr(self, f"_{options['action']}")
        work(options)

    # --- status ---------------------------------------------------------------------------------------------------

    def _status(self, options: dict[str, Any]) -> None:
        found = _as_json(read_all(), drains=bell.drains_alive())
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2))
            return
        waiting, lately = found["deliveries"], found["lately"]
        drains = "unknown: Valkey is away" if found["drains"] is None else found["drains"]
        rows = [
            ("drains", drains),
            ("endpoints", _counts(found["lanes"])),
            ("deliveries", _counts(waiting)),
            ("oldest due", f"{found['oldest_due_seconds']} s" if found["oldest_due_at"] else "nothing is due"),
            (f"tries in {LATELY_MINUTES} min", _counts(lately["tries"])),
            ("change to receipt", _spread(lately["receipt_seconds"])),
        ]
        for name, value in rows:
            self.stdout.write(f"{name:<20}{value}")
        if found["drains"] == 0 and waiting["due"]:
            self.stdout.write("Nobody delivers: is a worker of the queue `webhooks` running, and beat?")

    # --- by hand --------------------------------------------------------------------------------------------------

    def _resend(self, options: dict[str, Any]) -> None:
        failed = 0
        for name in options["deliveries"]:
            try:
                resend_delivery(_delivery(name), actor=ACTOR)
                self.stdout.write(f"{name}: sent again")
            except CommandError as error:
                failed += 1
                self.stderr.write(str(error))
            except Problem as problem:
                failed += 1
                self.stderr.write(f"{name}: {problem.detail} Enable it, then send this again.")
        if failed:
            raise CommandError(f"{failed} of {len(options['deliveries'])} were not sent again.", returncode=1)

    def _recover(self, options: dict[str, Any]) -> None:
        endpoint = _endpoint(options["endpoint"])
        since, until = _moment("--since", options["since"]), options["until"] and _moment("--until", options["until"])
        try:
            recovery = start_recovery(
                endpoint, since=since, until=until, types=options["types"], only=options["only"], actor=ACTOR
            )
        except NotFound:
            raise CommandError(f"{options['endpoint']} was deleted.") from None
        except Problem as problem:
            faults = " ".join(fault.detail for fault in problem.faults) or problem.detail
            raise CommandError(faults) from None
        name = to_public("whr", recovery.pk)
        self.stdout.write(f"{name} has begun. GET /api/v1/webhook-recoveries/{name}/ shows how far it is.")
        if options["wait"]:
            self._work_on(recovery)

    def _work_on(self, recovery: Recovery) -> None:
        while recovery.state == RUNNING:
            if advance(only=recovery.pk) is None:
                time.sleep(LOOK_SECONDS)
            recovery.refresh_from_db()
            self.stdout.write(f"{recovery.seen:>10} seen {recovery.opened:>10} opened   {recovery.state}")
        if recovery.due_until is not None:
            self.stdout.write(f"The last of them is due at {rfc3339(recovery.due_until)}.")

    def _tend(self, options: dict[str, Any]) -> None:
        try:
            tended = tend_attempts()
        except OperationalError:
            raise CommandError("The table of tries is busy: try again in a moment. Nothing was changed.") from None
        self.stdout.write(f"{tended.made} partitions made, {tended.dropped} dropped")


# --- what is typed ------------------------------------------------------------------------------------------------


def _delivery(name: str) -> Delivery:
    try:
        number = from_public("whd", name).int
    except PublicIdInvalid:
        raise CommandError(f"{name} is not the id of a delivery: it looks like whd_….") from None
    return _there(name, Delivery.objects.filter(pk=number).first() if number <= BIGGEST_DELIVERY else None)


def _endpoint(name: str) -> Endpoint:
    try:
        key = from_public("whe", name)
    except PublicIdInvalid:
        raise CommandError(f"{name} is not the id of an endpoint: it looks like whe_….") from None
    return _there(name, Endpoint.objects.filter(pk=key).first())


def _there(name: str, found: T | None) -> T:
    if found is None:
        raise CommandError(f"There is no {name}: copy its id from the API, of this installation.")
    return found


def _moment(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{option} must be an RFC 3339 time such as 2026-11-21T08:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# --- what is shown ------------------------------------------------------------------------------------------------


def _as_json(found: Readings, *, drains: int | None) -> dict[str, Any]:
    due, waiting, receipts = found.oldest_due_at, found.waiting, found.receipts
    return {
        "drains": drains,
        "lanes": dict(found.lanes),
        "deliveries": {"open": waiting.open, "due": waiting.due, "held": waiting.held, "failed": waiting.failed},
        "oldest_due_at": None if due is None else rfc3339(due),
        "oldest_due_seconds": 0.0 if due is None else round((now() - due).total_seconds(), 1),
        "lately": {
            "minutes": LATELY_MINUTES,
            "tries": dict(found.tries),
            "receipt_seconds": {"p50": receipts.p50_seconds, "p99": receipts.p99_seconds},
        },
    }


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _spread(seconds: dict[str, float | None]) -> str:
    if seconds["p50"] is None or seconds["p99"] is None:
        return "nothing arrived"
    return f"p50 {seconds['p50']:.3f} s, p99 {seconds['p99']:.3f} s"
