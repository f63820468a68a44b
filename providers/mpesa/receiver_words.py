"""Why M-Pesa sends no money, in words for receivers and merchants, in English and Swahili."""

from dataclasses import replace

from providers.mpesa.words import NOTHING_CHARGED, TRY_SOON
from providers.types import ClosesAs, Failure, FailureCode, RetryAdvice

_NOT_SENT = "This money could not be sent to your M-Pesa. Please ask the business it comes from."
_NOT_SENT_SW = "Pesa hizi hazikuweza kutumwa kwenye M-Pesa yako. Tafadhali uliza biashara inayozituma."
_LATER = "M-Pesa is busy, so this money was not sent yet. Please ask the business it comes from."
_LATER_SW = "M-Pesa ina shughuli nyingi, hivyo pesa hizi bado hazijatumwa. Tafadhali uliza biashara inayozituma."
_INSTEAD = {NOTHING_CHARGED: (_NOT_SENT, _NOT_SENT_SW), TRY_SOON: (_LATER, _LATER_SW)}


def to_receiver(failure: Failure) -> Failure:
    """The failure as it is told to someone who waits for money: they are not asked to pay another way."""
    if failure.customer_message not in _INSTEAD:
        return failure
    say, say_sw = _INSTEAD[failure.customer_message]
    return replace(failure, customer_message=say, customer_message_sw=say_sw)


def _receiver(code: FailureCode, reason: str, reason_sw: str, *, say: str, say_sw: str, action: str) -> Failure:
    """Something that lies with the one who is sent money."""
    return Failure(
        code=code,
        reason=reason,
        reason_sw=reason_sw,
        customer_message=say,
        customer_message_sw=say_sw,
        merchant_action=action,
        retry_advice=RetryAdvice.ASK_CUSTOMER,
    )


def _sender(
    code: FailureCode, reason: str, reason_sw: str, action: str, *, advice: RetryAdvice = RetryAdvice.FIX_SETUP
) -> Failure:
    """Something only the sender can put right."""
    return Failure(
        code=code,
        reason=reason,
        reason_sw=reason_sw,
        customer_message=_NOT_SENT,
        customer_message_sw=_NOT_SENT_SW,
        merchant_action=action,
        retry_advice=advice,
    )


def _closed(reason: str, reason_sw: str, closes_as: ClosesAs) -> Failure:
    """M-Pesa's word about a transaction in either direction, so the words speak of no side."""
    return Failure(
        code=FailureCode.DECLINED,
        reason=reason,
        reason_sw=reason_sw,
        customer_message="M-Pesa did not complete this transaction. No money moved.",
        customer_message_sw="M-Pesa haikukamilisha muamala huu. Hakuna pesa zilizohamishwa.",
        merchant_action="Agree with the other side on another try.",
        retry_advice=RetryAdvice.ASK_CUSTOMER,
        closes_as=closes_as,
    )


# --- the receiver -----------------------------------------------------------------------------------------------------
NOT_REGISTERED = _receiver(
    FailureCode.NOT_REGISTERED,
    "The number has no M-Pesa account that can receive this.",
    "Nambari haina akaunti ya M-Pesa inayoweza kupokea.",
    say="This number is not registered for M-Pesa. Use another one.",
    say_sw="Nambari hii haijasajiliwa kwa M-Pesa. Tumia nyingine.",
    action="Ask for the number of an M-Pesa account.",
)
RECEIVER_REFUSED = _receiver(
    FailureCode.INVALID_ACCOUNT,
    "M-Pesa does not take this number as a receiver.",
    "M-Pesa haikubali nambari hii kama mpokeaji.",
    say="This number cannot receive money by M-Pesa. Check it or use another one.",
    say_sw="Nambari hii haiwezi kupokea pesa kwa M-Pesa. Ikague au tumia nyingine.",
    action="Ask the receiver for the number of an M-Pesa account.",
)
RECEIVER_FULL = _receiver(
    FailureCode.LIMIT_CUSTOMER,
    "The receiver's M-Pesa account would hold more than it may.",
    "Akaunti ya M-Pesa ya mpokeaji ingezidi salio la juu linaloruhusiwa.",
    say="Your M-Pesa account cannot hold this amount. Make room and ask again.",
    say_sw="Akaunti yako ya M-Pesa haiwezi kubeba kiasi hiki. Punguza salio kisha uombe tena.",
    action="Ask the receiver to make room, or send less.",
)
DAILY_LIMIT = _receiver(
    FailureCode.LIMIT_CUSTOMER,
    "The amount would pass an M-Pesa limit for the day, the receiver's or the shortcode's.",
    "Kiasi kingezidi kikomo cha siku cha M-Pesa, cha mpokeaji au cha nambari ya biashara.",
    say="This amount is over what M-Pesa moves in a day. It can be sent tomorrow.",
    say_sw="Kiasi hiki kinazidi kikomo cha M-Pesa cha siku. Kinaweza kutumwa kesho.",
    action="Send less, or send it tomorrow.",
)

# --- the sender -------------------------------------------------------------------------------------------------------
OUR_FLOAT = _sender(
    FailureCode.INSUFFICIENT_FUNDS,
    "The shortcode's own M-Pesa account does not hold the amount.",
    "Akaunti ya M-Pesa ya nambari ya biashara haina kiasi hiki.",
    "Put money on the paying account (Utility for payouts), then send again.",
)
BALANCE_TOO_LOW_AFTER = _sender(
    FailureCode.LIMIT_MERCHANT,
    "The shortcode's own M-Pesa account would hold less than it must keep.",
    "Akaunti ya M-Pesa ya nambari ya biashara ingebaki na salio dogo kuliko kiwango cha chini.",
    "Put money on the paying account, or send less.",
)
TOO_SMALL = _sender(
    FailureCode.LIMIT_MERCHANT,
    "The amount is below the smallest that M-Pesa sends: KES 10 to a phone.",
    "Kiasi ni kidogo kuliko kiwango cha chini ambacho M-Pesa hutuma: KES 10 kwa simu.",
    "Send a larger amount.",
    advice=RetryAdvice.NEVER,
)
TOO_LARGE = _sender(
    FailureCode.LIMIT_MERCHANT,
    "The amount is above the largest that M-Pesa sends at once: KES 250,000 to a phone.",
    "Kiasi kinazidi kiwango cha juu ambacho M-Pesa hutuma kwa mara moja: KES 250,000 kwa simu.",
    "Split the amount.",
    advice=RetryAdvice.NEVER,
)
PARTY_UNKNOWN = _sender(
    FailureCode.INVALID_ACCOUNT,
    "M-Pesa cannot find the receiver, or the shortcode may not send to it.",
    "M-Pesa haimpati mpokeaji, au nambari ya biashara hairuhusiwi kumtumia.",
    "Check the receiver's number and the products of the shortcode.",
)
ORIGINAL_MISSING = _sender(
    FailureCode.INVALID_ACCOUNT,
    "M-Pesa does not know the transaction that should be reversed.",
    "M-Pesa haitambui muamala unaopaswa kurudishwa.",
    "Check the receipt number.",
    advice=RetryAdvice.NEVER,
)

# --- what became of a transaction -------------------------------------------------------------------------------------
DECLINED = _closed("M-Pesa declined the transaction.", "M-Pesa imekataa muamala.", ClosesAs.FAILED)
CANCELLED = _closed("The transaction was cancelled at M-Pesa.", "Muamala ulighairiwa M-Pesa.", ClosesAs.CANCELLED)
EXPIRED = _closed("The transaction ran out of time at M-Pesa.", "Muda wa muamala uliisha M-Pesa.", ClosesAs.EXPIRED)
