"""`manage.py settle`: settle a day, or show what that would do."""

from datetime import date
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from onpoint_pay.kit.money import Money
from settlements.errors import DayNotOver
from settlements.models import Settlement
from settlements.selectors.settlement_terms import shops
from settlements.services.batches import check_over, last_over, what_is_due
from settlements.services.settling import settle
from settlements.states import SETTLEMENT_OPEN


class Command(BaseCommand):
    help = (
        "Settle a day in Nairobi: open its batches, release what is due, pay what is enough. Running it again changes "
        "nothing. A merchant that is named is settled whatever its schedule says. Exits 1 when a batch is held open."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--day", type=date.fromisoformat, help="Such as 2026-11-20; else the last that is over.")
        parser.add_argument("--merchant", metavar="mer_…", help="Only this merchant.")
        parser.add_argument("--dry-run", action="store_true", help="Show what is due; write nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        day, merchant_id = options["day"] or last_over(), self._merchant(options["merchant"])
        try:
            check_over(day)
            if options["dry_run"]:
                self._show_due(day, merchant_id)
                return
            found = settle(day=day, merchant_id=merchant_id, by_hand=merchant_id is not None)
        except DayNotOver as error:
            raise CommandError(str(error)) from None
        for row in found:
            self._show(row)
        held = [row for row in found if row.status == SETTLEMENT_OPEN]
        if held:
            raise CommandError(f"{len(held)} of {len(found)} batches are held open.", returncode=1)
        self.stdout.write(f"{len(found)} batches of {day}.")

    def _show(self, row: Settlement) -> None:
        total = Money(row.total, row.currency)
        self.stdout.write(
            f"{to_public('stl', row.id)}  {to_public('mer', row.merchant_id)}  {row.mode}  {row.status:<10} {total}"
            + (f"  {row.hold_reason}" if row.hold_reason else "")
        )

    def _show_due(self, day: date, merchant_id: UUID | None) -> None:
        for shop, due in what_is_due(shops(merchant_id), day=day).items():
            total = Money(due.total, shop.currency)
            name = to_public("mer", shop.merchant_id)
            self.stdout.write(f"{name}  {shop.mode}  {due.lines} transfers  {total}")

    def _merchant(self, text: str | None) -> UUID | None:
        try:
            return from_public("mer", text) if text else None
        except PublicIdInvalid:
            raise CommandError(f"{text} is no merchant's id; it looks like mer_….") from None
