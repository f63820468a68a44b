"""Money that goes out: payouts alone and in batches, tries that leave or do not, and what the provider says of them."""

from faults.moves.world import AMOUNTS, NEVER, RECEIPTS, NothingThere, World
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from payments.models import DoubtDecision, MoneyOp
from payments.services.doubts import Verdict, confirm, propose, reject
from payments.services.evidence import APPLIED
from payments.services.out_outcome import ANSWER, CALLBACK, QUESTION, apply_out_outcome
from payments.services.out_sending import accept, doubt_sending, postpone, take_one
from payments.services.payout_start import start_payouts
from payments.states import OP_ACCEPTED, OP_CREATED, OP_FAILED, OP_OUT, OP_SUCCEEDED, OP_UNKNOWN
from payments.tests.factories import answer, next_receipt, refusal
from providers.mpesa import receiver_words, words
from providers.types import Failure, Outcome, OutcomeStatus
from settlements.models import PayoutBatch
from settlements.services.destinations import Target
from settlements.services.payout_batches import approve_batch, cancel_batch, create_batch
from settlements.services.payout_retry import retry_payout
from settlements.services.payouts import PayoutAsk, approve_payout, cancel_payout, create_payout

REFUSALS: tuple[Failure, ...] = (
    receiver_words.NOT_REGISTERED,
    receiver_words.OUR_FLOAT,
    receiver_words.RECEIVER_FULL,
    words.PHONE_REFUSED,
)
TO_PHONE = Target(type="mpesa_phone", details={"phone": "254712000001"})
TO_BANK = Target(type="bank", details={"bank_code": "01", "account_number": "1234567890", "account_name": "Duka Bora"})
TARGETS = (TO_PHONE, TO_PHONE, TO_BANK, TO_BANK)


# --- asked for --------------------------------------------------------------------------------------------------------


def ask_payout(world: World, a: int, b: int) -> None:
    wanted = _wanted(a, b)
    world.own.payouts[create_payout(world.caller(a), wanted, request_id="req_sequence").id] = wanted.amount.minor


def ask_payouts(world: World, a: int, b: int) -> None:
    """Two or three at once."""
    asks = {f"items[{n}]": _wanted(a + n, b + n) for n in range(2 + b % 2)}
    batch = create_batch(world.caller(a), asks, description="Sequence", request_id="req_sequence")
    for payout, wanted in zip(batch.payouts.order_by("line"), asks.values(), strict=True):
        world.own.payouts[payout.id] = wanted.amount.minor


def _wanted(a: int, b: int) -> PayoutAsk:
    return PayoutAsk(amount=Money.parse(AMOUNTS[b % 4]), target=TARGETS[a // 4 % len(TARGETS)], reason="Earnings")


def decide_payout(world: World, a: int, b: int) -> None:
    payout = world.payout(a, "requires_approval")
    if b % 3:
        approve_payout(world.caller(b), payout.id)
    else:
        cancel_payout(world.caller(b), payout.id)
        world.note_failures()


def decide_payouts(world: World, a: int, b: int) -> None:
    waiting = PayoutBatch.objects.filter(status="requires_approval")
    batch: PayoutBatch = world.prefer(waiting, PayoutBatch.objects.all(), a)
    if b % 3:
        approve_batch(world.caller(b), batch.id)
    else:
        cancel_batch(world.caller(b), batch.id)
        world.note_failures()


def retry_payout_again(world: World, a: int, b: int) -> None:
    """One that failed or came back is asked for again."""
    earlier = world.payout(a, "failed", "returned")
    retry = retry_payout(world.caller(b), earlier.id, request_id="req_sequence")
    world.own.payouts[retry.id] = earlier.released + earlier.given_back


def start_payout(world: World, a: int, b: int) -> None:
    start_payouts()


# --- sent -------------------------------------------------------------------------------------------------------------


def send(world: World, a: int, b: int) -> None:
    """A try leaves: taken over, in doubt, not sent at all, or refused at once."""
    sending = take_one()
    if sending is None:
        raise NothingThere
    op = sending.op
    if a % 4 == 0 or b % 2:
        accept(op.id, Outcome(status=OutcomeStatus.PENDING, provider_reference=f"AG_{new_id().hex}"))
    elif a % 4 == 1:
        doubt_sending(op.id)
    elif a % 4 == 2:
        postpone(op.id)
    else:
        refused = refusal(REFUSALS[b % len(REFUSALS)]).outcome
        apply_out_outcome(op.id, refused, evidence=answer(), source=ANSWER)
        world.note_failures()
    MoneyOp.objects.filter(status=OP_CREATED).update(next_check=NEVER)


def tell(world: World, a: int, b: int) -> None:
    """The provider says what became of a try, of any at any time, and not always the same."""
    tries = MoneyOp.objects.filter(kind__in=OP_OUT)
    op: MoneyOp = world.prefer(tries.filter(status__in=(OP_ACCEPTED, OP_UNKNOWN)), tries, a)
    source = (CALLBACK, QUESTION)[b % 2]
    if b % 3 == 2:
        refused = Outcome(status=OutcomeStatus.FAILED, failure=REFUSALS[b % len(REFUSALS)], provider_code="1")
        apply_out_outcome(op.id, refused, evidence=answer(), source=source)
        world.note_failures()
        return
    receipt = next_receipt() if b % 3 else RECEIPTS[b % len(RECEIPTS)]
    done = Outcome(status=OutcomeStatus.SUCCEEDED, receipt=receipt, money=Money(op.amount), provider_code="0")
    if apply_out_outcome(op.id, done, evidence=answer(), source=source) == APPLIED:
        world.left(op)


def decide_doubt(world: World, a: int, b: int) -> None:
    """Two people say how a try that nobody tells about has ended; or they do not agree."""
    waiting = DoubtDecision.objects.filter(status="proposed").order_by("id").first()
    if waiting is None:
        tries = MoneyOp.objects.filter(payment=None)
        op: MoneyOp = world.prefer(tries.filter(status=OP_UNKNOWN), tries, a)
        outcome = (OP_SUCCEEDED, OP_FAILED)[b % 2]
        propose(op.id, Verdict(outcome=outcome, receipt=next_receipt(), note="seen"), actor=world.person(b).actor)
    elif b % 4 == 3:
        reject(waiting.id, actor=world.person(a).actor)
    else:
        confirm(waiting.id, actor=world.person(b).actor)
        world.note_failures()
        if waiting.outcome == OP_SUCCEEDED:
            world.left(waiting.op)
