"""What leaves in files and what banks say of it; money that comes back; and what two people write off."""

from faults.moves.world import RECEIPTS, NothingThere, World
from onpoint_pay.kit.caller import TEST
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp
from payments.services.bank_files import export_file
from payments.services.bank_results import FAILED, PAID, RETURNED, import_results
from payments.services.evidence import APPLIED
from payments.services.payout_returns import BOOKED, ReturnedPayout, return_payout
from payments.states import OP_FILED, OP_OUT
from payments.tests.factories import next_receipt
from settlements.services.recon_exceptions import close_exception, propose_resolution
from settlements.tests.recon import make_exception

RESULTS = (PAID, PAID, FAILED, RETURNED)


def export_bank(world: World, a: int, b: int) -> None:
    """Everything that waits for the bank goes into the file of the next day."""
    if export_file("bank", "main", mode=TEST, day=world.next_file_day(), actor="sequence") is None:
        raise NothingThere


def bank_result(world: World, a: int, b: int) -> None:
    """The bank says of a line that it is paid, refused or come back: first, again, or the other way round."""
    lines = MoneyOp.objects.filter(kind__in=OP_FILED)
    op: MoneyOp = world.prefer(lines.filter(status__in=("accepted", "succeeded")), lines, a)
    word = RESULTS[b % len(RESULTS)]
    receipt = next_receipt() if b % 3 else RECEIPTS[a % len(RECEIPTS)]
    text = f"line,result,amount,receipt,reason\n{op.client_ref},{word},{op.amount // 100},{receipt},told\n"
    verdicts = import_results(text.encode(), mode=TEST, actor="sequence").counts
    world.note_failures()
    if verdicts[APPLIED] and word == PAID:
        world.left(op)
    elif verdicts[APPLIED] and word == RETURNED:
        world.own.back(op.amount, bank=True)


def come_back(world: World, a: int, b: int) -> None:
    """A statement shows money of a payout that came back to the float."""
    tries = MoneyOp.objects.filter(kind__in=OP_OUT, payout__isnull=False)
    op: MoneyOp = world.prefer(tries.filter(status="succeeded"), tries, a)
    receipt = next_receipt() if b % 3 else RECEIPTS[b % len(RECEIPTS)]
    found = ReturnedPayout(op_id=op.id, amount=Money(op.amount), receipt=receipt, occurred_at=None, source="statement")
    if return_payout(found) == BOOKED:
        world.own.back(op.amount)


def write_off(world: World, a: int, b: int) -> None:
    """The provider's balance differs for good: one person proposes where the difference goes, another agrees."""
    effect = (b % 50 + 1) * (1 if a % 2 else -1)
    row = make_exception(kind="balance_gap", amount=abs(effect), float_effect=effect)
    contra = ("loss", "capital")[b % 2]
    propose_resolution(row.id, actor=world.person(0).actor, resolution="unexplained", contra=contra)
    close_exception(row.id, actor=world.person(1).actor)
    world.own.left(effect)
