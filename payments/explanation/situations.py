"""Where a payment stands, in words: one situation for every state and reason."""

from dataclasses import dataclass

from payments.explanation import steps
from payments.explanation.reasons import CUSTOMER, MERCHANT, NOBODY, ONPOINT_PAY, PROVIDER, reason_of
from payments.explanation.words import Words
from payments.states import (
    AWAITING_PROVIDER,
    CANCELLED,
    COMPLETED,
    EXPIRED,
    FAILED,
    INITIATED,
    PENDING,
    RECONCILING,
    REVERSED,
)

CERTAIN, LIKELY, UNKNOWN = "certain", "likely", "unknown"
CERTAINTIES = (CERTAIN, LIKELY, UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decides the words. `is_prompt`: we asked the payer, rather than wait for money they send by themselves.

    `is_silent`: it closed because the provider had no result, not because it said no. `certainty` is the failure's.
    """

    status: str
    pending_reason: str | None = None
    failure_code: str | None = None
    certainty: str | None = None
    is_prompt: bool = True
    is_in_time: bool = True
    is_silent: bool = False
    is_called_off: bool = False
    is_late: bool = False
    is_surplus: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The words of one situation. `certainty` is how sure the outcome is."""

    headline: Words
    what_happened: Words
    tell_customer: Words
    do_next: tuple[Words, ...]
    whose_turn: str
    certainty: str = UNKNOWN


FINDING_OUT = Words(
    "We are finding out what became of your payment. Please do not pay again yet.",
    "Tunachunguza malipo yako yamefikia wapi. Tafadhali usilipe tena kwa sasa.",
)
STARTING = Situation(
    headline=Words("The request is on its way to {network}.", "Ombi liko njiani kwenda {network}."),
    what_happened=Words(
        "You asked for {amount}, and the request is being handed to {network}. Whether the customer has it is not "
        "known yet.",
        "Uliomba {amount}, na ombi linakabidhiwa {network}. Bado haijulikani kama mteja amelipata.",
    ),
    tell_customer=Words(
        "A payment request should appear on your phone in a moment.",
        "Ombi la malipo linapaswa kuonekana kwenye simu yako hivi punde.",
    ),
    do_next=(steps.NOTHING,),
    whose_turn=ONPOINT_PAY,
)
ASKED = Situation(
    headline=Words("The customer has been asked and has not answered yet.", "Mteja ameombwa kulipa na bado hajajibu."),
    what_happened=Words(
        "A request for {amount} was handed to {network} for the customer's phone. Whether the customer will pay is not "
        "known yet.",
        "Ombi la {amount} limekabidhiwa {network} kwa simu ya mteja. Bado haijulikani kama mteja atalipa.",
    ),
    tell_customer=Words(
        "Look at your phone and enter your {network} PIN to pay {amount}.",
        "Angalia simu yako na uweke PIN yako ya {network} ili ulipe {amount}.",
    ),
    do_next=(steps.REMIND, steps.NO_SECOND),
    whose_turn=CUSTOMER,
)
UNANSWERED = Situation(
    headline=Words(
        "The customer's time to answer is over, and the outcome is not known yet.",
        "Muda wa mteja kujibu umekwisha, na matokeo bado hayajulikani.",
    ),
    what_happened=Words(
        "{network} has not told us how the request for {amount} ended: paid, refused or left alone.",
        "{network} haijatuambia ombi la {amount} liliishaje: limelipwa, limekataliwa au limeachwa.",
    ),
    tell_customer=FINDING_OUT,
    do_next=(steps.ASK_NOW, steps.NO_SECOND),
    whose_turn=PROVIDER,
)
WITH_PROVIDER = Situation(
    headline=Words("{network} has not decided the payment yet.", "{network} bado haijaamua malipo haya."),
    what_happened=Words(
        "{network} has the request for {amount}. How it will end is not known yet.",
        "{network} ina ombi la {amount}. Bado haijulikani litaishaje.",
    ),
    tell_customer=FINDING_OUT,
    do_next=(steps.ASK_NOW, steps.NO_SECOND),
    whose_turn=PROVIDER,
)
UNCLEAR = Situation(
    headline=Words(
        "It is not known yet whether the request reached the customer.",
        "Bado haijulikani kama ombi lilimfikia mteja.",
    ),
    what_happened=Words(
        "The connection to {network} broke while the request for {amount} was handed over: it may be on the phone, or "
        "not. Nothing is sent again before that is known.",
        "Mawasiliano na {network} yalikatika wakati ombi la {amount} lilipokuwa likikabidhiwa: huenda liko kwenye "
        "simu, au haliko. Hakuna kinachotumwa tena kabla hilo halijajulikana.",
    ),
    tell_customer=Words(
        "If a payment request is on your phone, answer it once. If there is none, please wait: we are finding out.",
        "Kama ombi la malipo liko kwenye simu yako, lijibu mara moja. Kama halipo, tafadhali subiri: tunachunguza.",
    ),
    do_next=(steps.NO_SECOND, steps.NOTHING),
    whose_turn=ONPOINT_PAY,
)
AWAITING_TRANSFER = Situation(
    headline=Words("The customer has not paid yet.", "Mteja bado hajalipa."),
    what_happened=Words(
        "We wait for the customer to send {amount} to your paybill or till.",
        "Tunasubiri mteja atume {amount} kwa paybill au till yako.",
    ),
    tell_customer=Words(
        "Send {amount} with {network} to the paybill or till number you were given.",
        "Tuma {amount} kwa {network} kwenye nambari ya paybill au till uliyopewa.",
    ),
    do_next=(steps.SHOW_NUMBER,),
    whose_turn=CUSTOMER,
)
CALLING_OFF = Situation(
    headline=Words(
        "You called the payment off, and {network} has not said yet how it ended.",
        "Umesitisha malipo, na {network} bado haijasema yaliishaje.",
    ),
    what_happened=Words(
        "A request that is out cannot be taken back: until {network} has said how it ended, the customer may still pay "
        "the {amount}.",
        "Ombi lililotumwa haliwezi kurudishwa: hadi {network} iseme lilivyoisha, mteja bado anaweza kulipa {amount}.",
    ),
    tell_customer=Words(
        "This payment was called off. Please do not enter your PIN.",
        "Malipo haya yamesitishwa. Tafadhali usiweke PIN yako.",
    ),
    do_next=(steps.ASK_NOW, steps.NO_SECOND),
    whose_turn=PROVIDER,
)
PAID = Situation(
    headline=Words("{amount} was received.", "{amount} imepokelewa."),
    what_happened=Words(
        "{network} confirmed the money, and it is booked to you.",
        "{network} ilithibitisha pesa hizo, nazo zimewekwa kwenye hesabu yako.",
    ),
    tell_customer=Words("We have received your {amount}. Thank you.", "Tumepokea {amount} yako. Asante."),
    do_next=(steps.DELIVER,),
    whose_turn=NOBODY,
    certainty=CERTAIN,
)
PAID_LATE = Situation(
    headline=Words("{amount} was received after all, late.", "{amount} imepokelewa hatimaye, kwa kuchelewa."),
    what_happened=Words(
        "The request had ended without money before {network} confirmed it. The money is booked to you.",
        "Ombi lilikuwa limeisha bila pesa kabla {network} haijathibitisha. Pesa zimewekwa kwenye hesabu yako.",
    ),
    tell_customer=Words(
        "Your {amount} has reached us, later than expected. Thank you.",
        "{amount} yako imetufikia, kwa kuchelewa. Asante.",
    ),
    do_next=(steps.REFUND_OR_KEEP,),
    whose_turn=MERCHANT,
    certainty=CERTAIN,
)
PAID_AFTER_CLOSE = Situation(
    headline=Words(
        "The customer paid {amount} after you had called the payment off.",
        "Mteja alilipa {amount} baada ya wewe kusitisha malipo.",
    ),
    what_happened=Words(
        "{network} confirmed the money. It is real and booked to you, although nobody waited for it any more.",
        "{network} ilithibitisha pesa hizo. Ni za kweli na zimewekwa kwenye hesabu yako, ingawa hakuna aliyezisubiri "
        "tena.",
    ),
    tell_customer=Words(
        "Your {amount} has reached us after the payment was called off. We will get back to you about it.",
        "{amount} yako imetufikia baada ya malipo kusitishwa. Tutawasiliana nawe kuhusu hilo.",
    ),
    do_next=(steps.REFUND_OR_KEEP,),
    whose_turn=MERCHANT,
    certainty=CERTAIN,
)
PAID_TWICE = Situation(
    headline=Words(
        "The customer paid twice: this {amount} is one too many.",
        "Mteja alilipa mara mbili: {amount} hii ni ya ziada.",
    ),
    what_happened=Words(
        "{network} confirmed another payment of the same order. It is kept apart for the customer, without a fee.",
        "{network} ilithibitisha malipo mengine ya oda ileile. Yametengwa kwa ajili ya mteja, bila kukatwa ada.",
    ),
    tell_customer=Words(
        "You paid twice. The second {amount} is yours and can be given back.",
        "Ulilipa mara mbili. {amount} ya pili ni yako na inaweza kurudishwa.",
    ),
    do_next=(steps.REFUND,),
    whose_turn=MERCHANT,
    certainty=CERTAIN,
)
TAKEN_BACK = Situation(
    headline=Words("{network} took the {amount} back.", "{network} ilirudisha {amount}."),
    what_happened=Words(
        "The money had been received; then {network} took the whole amount back, not through us.",
        "Pesa zilikuwa zimepokelewa; kisha {network} ikazirudisha zote, bila kupitia kwetu.",
    ),
    tell_customer=Words(
        "{network} has reversed your payment of {amount}.", "{network} imerudisha malipo yako ya {amount}."
    ),
    do_next=(steps.ASK_NETWORK,),
    whose_turn=MERCHANT,
    certainty=CERTAIN,
)
CALLED_OFF = Situation(
    headline=Words("You called the payment off, and no money came.", "Umesitisha malipo, na hakuna pesa zilizofika."),
    what_happened=Words(
        "Nothing is out at {network} for this payment, and we no longer wait for it.",
        "Hakuna ombi lolote kwa {network} la malipo haya, na hatuyasubiri tena.",
    ),
    tell_customer=Words(
        "This payment was called off; there is nothing to pay.", "Malipo haya yamesitishwa; hakuna cha kulipa."
    ),
    do_next=(steps.AFTER_ALL,),
    whose_turn=NOBODY,
    certainty=CERTAIN,
)
SILENT = Situation(
    headline=Words(
        "The payment ended without an answer; it is not certain that no money moved.",
        "Malipo yaliisha bila jibu; si hakika kwamba hakuna pesa zilizotoka.",
    ),
    what_happened=Words(
        "An hour after the request for {amount}, {network} still had no result for it. Should money come all the same, "
        "it is booked.",
        "Saa moja baada ya ombi la {amount}, {network} bado haikuwa na matokeo yake. Pesa zikifika hata hivyo, "
        "zitawekwa kwenye hesabu.",
    ),
    tell_customer=Words(
        "Your payment was not confirmed. If {network} sent you a confirmation message, show it to us, and do not pay "
        "again.",
        "Malipo yako hayakuthibitishwa. Kama {network} ilikutumia ujumbe wa uthibitisho, tuonyeshe, na usilipe tena.",
    ),
    do_next=(steps.ASK_NOW, steps.STATEMENT, steps.NO_SECOND),
    whose_turn=MERCHANT,
    certainty=LIKELY,
)
NOT_SENT_IN_TIME = Situation(
    headline=Words(
        "The time to pay is over, and no money was found.", "Muda wa kulipa umekwisha, na hakuna pesa zilizopatikana."
    ),
    what_happened=Words(
        "{network}'s list of money received has no {amount} for this payment. Should it come all the same, it is "
        "booked.",
        "Orodha ya {network} ya pesa zilizopokelewa haina {amount} ya malipo haya. Ikifika hata hivyo, itawekwa kwenye "
        "hesabu.",
    ),
    tell_customer=Words(
        "We have not found your payment. If you paid, show us the message from {network}; otherwise tell us if you "
        "still want to pay.",
        "Hatujapata malipo yako. Kama ulilipa, tuonyeshe ujumbe wa {network}; kama sivyo, tuambie kama bado unataka "
        "kulipa.",
    ),
    do_next=(steps.STATEMENT, steps.START_ANEW),
    whose_turn=MERCHANT,
    certainty=LIKELY,
)
ENDED = {
    FAILED: Words("The payment failed: no money moved.", "Malipo yameshindikana: hakuna pesa zilizotoka."),
    CANCELLED: Words(
        "The customer did not accept the request: no money moved.", "Mteja hakukubali ombi: hakuna pesa zilizotoka."
    ),
    EXPIRED: Words(
        "The customer did not answer in time: no money moved.", "Mteja hakujibu kwa wakati: hakuna pesa zilizotoka."
    ),
}


def situation_of(facts: Facts) -> Situation:
    """The words for these facts; every state and reason has some."""
    if facts.status in (INITIATED, PENDING):
        return _open(facts)
    if facts.status == COMPLETED:
        return _paid(facts)
    return TAKEN_BACK if facts.status == REVERSED else _ended(facts)


def _open(facts: Facts) -> Situation:
    if facts.is_called_off:
        return CALLING_OFF
    if not facts.is_prompt:
        return AWAITING_TRANSFER
    if facts.status == INITIATED:
        return STARTING
    if facts.pending_reason == RECONCILING:
        return UNCLEAR
    if facts.pending_reason == AWAITING_PROVIDER:
        return WITH_PROVIDER
    return ASKED if facts.is_in_time else UNANSWERED


def _paid(facts: Facts) -> Situation:
    if facts.is_surplus:
        return PAID_TWICE
    if facts.is_called_off:
        return PAID_AFTER_CLOSE
    return PAID_LATE if facts.is_late else PAID


def _ended(facts: Facts) -> Situation:
    if facts.is_silent:
        return SILENT if facts.is_prompt else NOT_SENT_IN_TIME
    if facts.is_called_off:
        return CALLED_OFF
    reason = reason_of(facts.failure_code)
    return Situation(
        headline=ENDED[facts.status],
        what_happened=reason.what_happened,
        tell_customer=reason.tell_customer,
        do_next=reason.do_next,
        whose_turn=reason.whose_turn,
        certainty=facts.certainty or CERTAIN,
    )
