"""`manage.py pay_settlement`: say that a settlement was paid at the bank, by hand."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from onpoint_pay.kit.money import Money, MoneyError
from payments.services.settlement_by_hand import propose_paid
from settlements.models import Settlement
from settlements.services.settlement_payouts import ByHand


class Command(BaseCommand):
    help = (
        "A closed settlement was paid outside of here, to a bank account that the merchant keeps. Its money is held; "
        "another person confirms with `manage.py doubts confirm`, and then it leaves the books of the bank."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("settlement", metavar="stl_…")
        parser.add_argument("--receipt", required=True, help="The bank's reference of the transfer.")
        parser.add_argument("--amount", help="What was paid, such as 1500.00; all that may be used when absent.")
        parser.add_argument("--destination", metavar="dst_…", help="Where to; the profile's when absent.")
        parser.add_argument("--actor", required=True, help="Who you are.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            paid = ByHand(
                proof=options["receipt"],
                amount=Money.parse(options["amount"]) if options["amount"] else None,
                destination_id=from_public("dst", options["destination"]) if options["destination"] else None,
            )
            actor = options["actor"].strip().casefold()
            row = propose_paid(from_public("stl", options["settlement"]), paid, actor=actor)
        except Settlement.DoesNotExist:
            raise CommandError("There is no such settlement.") from None
        except Problem as problem:
            raise CommandError(problem.detail) from None
        except (PublicIdInvalid, MoneyError) as error:
            raise CommandError(str(error)) from None
        amount = Money(row.op.amount, row.op.currency)
        self.stdout.write(f"{to_public('dbt', row.id)}: {amount} is held; another person must confirm it.")
