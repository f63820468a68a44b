"""Why a payment did not happen, for each failure code: what happened, what to tell the customer, what to do."""

from dataclasses import dataclass

from payments.explanation import steps
from payments.explanation.words import Words

CUSTOMER, PROVIDER, MERCHANT, ONPOINT_PAY, NOBODY = "customer", "provider", "merchant", "onpoint_pay", "nobody"
TURNS = (CUSTOMER, PROVIDER, MERCHANT, ONPOINT_PAY, NOBODY)
UNKNOWN_FAILURE = "unknown_failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One failure code in words."""

    what_happened: Words
    tell_customer: Words
    do_next: tuple[Words, ...]
    whose_turn: str


NOT_NOW = Words(
    "We cannot take {network} payments right now. Please pay another way.",
    "Hatuwezi kupokea malipo ya {network} kwa sasa. Tafadhali lipa kwa njia nyingine.",
)
TRY_SOON = Words(
    "{network} is busy. Please try again in a few minutes.",
    "{network} ina shughuli nyingi. Tafadhali jaribu tena baada ya dakika chache.",
)


def _customer(en: str, sw: str, *, tell: Words, do: tuple[Words, ...] = (steps.RESEND, steps.OTHER_WAY)) -> Reason:
    """Something the customer can put right."""
    return Reason(what_happened=Words(en, sw), tell_customer=tell, do_next=do, whose_turn=CUSTOMER)


def _merchant(en: str, sw: str, *, tell: Words = NOT_NOW, do: tuple[Words, ...] = (steps.MEND_ACCOUNT,)) -> Reason:
    """Something on the merchant's side of the counter, or a wait."""
    return Reason(what_happened=Words(en, sw), tell_customer=tell, do_next=do, whose_turn=MERCHANT)


REASONS: dict[str, Reason] = {
    "insufficient_funds": _customer(
        "The customer's {network} balance was lower than the amount and its charges.",
        "Salio la {network} la mteja halikutosha kwa kiasi hiki na ada zake.",
        tell=Words(
            "Your {network} balance was too low. Top up, and we will send you a new request.",
            "Salio lako la {network} halikutosha. Ongeza salio, nasi tutakutumia ombi jipya.",
        ),
    ),
    "cancelled_by_customer": _customer(
        "The customer closed the request on the phone, or it closed by itself before a PIN was entered.",
        "Mteja alifunga ombi kwenye simu, au lilijifunga kabla ya PIN kuwekwa.",
        tell=Words(
            "The payment request was closed. Tell us if you still want to pay.",
            "Ombi la malipo lilifungwa. Tuambie kama bado unataka kulipa.",
        ),
    ),
    "customer_unreachable": _customer(
        "The phone did not answer the request: it was off, had no signal, or nobody entered the PIN.",
        "Simu haikujibu ombi: ilikuwa imezimwa, haikuwa na mtandao, au hakuna aliyeweka PIN.",
        tell=Words(
            "We could not reach your phone. Switch it on, check the signal, and we will send you a new request.",
            "Hatukuweza kufikia simu yako. Iwashe, hakikisha ina mtandao, nasi tutakutumia ombi jipya.",
        ),
    ),
    "prompt_expired": _customer(
        "The request ran out of time before a PIN was entered.",
        "Muda wa ombi uliisha kabla ya PIN kuwekwa.",
        tell=Words(
            "The payment request ran out of time. Tell us if you still want to pay.",
            "Muda wa ombi la malipo umeisha. Tuambie kama bado unataka kulipa.",
        ),
    ),
    "wrong_pin": _customer(
        "The customer entered a wrong PIN.",
        "Mteja aliweka PIN isiyo sahihi.",
        tell=Words(
            "The PIN was wrong. We can send you a new request; enter the right PIN then.",
            "PIN haikuwa sahihi. Tunaweza kukutumia ombi jipya; weka PIN sahihi safari hii.",
        ),
    ),
    "pin_locked": _customer(
        "The customer's PIN is locked after wrong entries.",
        "PIN ya mteja imefungwa baada ya kukosewa mara kadhaa.",
        tell=Words(
            "Your PIN is locked. Ask {network} to unlock it, or pay another way.",
            "PIN yako imefungwa. Omba {network} waifungue, au lipa kwa njia nyingine.",
        ),
    ),
    "customer_busy": _customer(
        "Another {network} request was open on the customer's phone.",
        "Ombi jingine la {network} lilikuwa wazi kwenye simu ya mteja.",
        tell=Words(
            "Another {network} request is open on your phone. Finish or close it, and we will try again.",
            "Kuna ombi jingine la {network} kwenye simu yako. Limalize au lifunge, nasi tutajaribu tena.",
        ),
        do=(steps.RESEND_LATER, steps.OTHER_WAY),
    ),
    "limit_customer": _customer(
        "The amount is outside what the customer's {network} account may move.",
        "Kiasi hiki kiko nje ya kikomo cha akaunti ya {network} ya mteja.",
        tell=Words(
            "The amount is outside your {network} limits. Pay a smaller amount or another way.",
            "Kiasi hiki kiko nje ya kikomo chako cha {network}. Lipa kiasi kidogo au kwa njia nyingine.",
        ),
        do=(steps.SMALLER,),
    ),
    "limit_merchant": _merchant(
        "Your {network} account may not hold this much more.",
        "Akaunti yako ya {network} haiwezi kupokea kiasi hiki zaidi.",
        do=(steps.MAKE_ROOM, steps.OTHER_WAY),
    ),
    "not_registered": _customer(
        "The number has no {network} account.",
        "Nambari hii haina akaunti ya {network}.",
        tell=Words(
            "This number has no {network} account. Give us another number, or pay another way.",
            "Nambari hii haina akaunti ya {network}. Tupe nambari nyingine, au lipa kwa njia nyingine.",
        ),
        do=(steps.OTHER_NUMBER, steps.OTHER_WAY),
    ),
    "declined": _customer(
        "The payment was declined, and no closer reason was given.",
        "Malipo yalikataliwa, na hakuna sababu zaidi iliyotolewa.",
        tell=Words(
            "The payment was declined. Please try again or pay another way.",
            "Malipo yalikataliwa. Tafadhali jaribu tena au lipa kwa njia nyingine.",
        ),
    ),
    "do_not_honor": _customer(
        "The customer's bank declined the payment.",
        "Benki ya mteja ilikataa malipo.",
        tell=Words(
            "Your bank declined the payment. Ask your bank, or pay another way.",
            "Benki yako ilikataa malipo. Uliza benki yako, au lipa kwa njia nyingine.",
        ),
    ),
    "card_expired": _customer(
        "The customer's card is past its date.",
        "Tarehe ya kadi ya mteja imepita.",
        tell=Words(
            "Your card is past its date. Please use another one.", "Tarehe ya kadi yako imepita. Tumia nyingine."
        ),
    ),
    "incorrect_cvc": _customer(
        "The security code of the card was wrong.",
        "Nambari ya usalama ya kadi haikuwa sahihi.",
        tell=Words(
            "The security code of your card was wrong. Please try again.",
            "Nambari ya usalama ya kadi yako haikuwa sahihi. Tafadhali jaribu tena.",
        ),
    ),
    "authentication_failed": _customer(
        "It could not be confirmed that it was the customer who paid.",
        "Haikuthibitishwa kuwa ni mteja mwenyewe anayelipa.",
        tell=Words(
            "We could not confirm that it was you. Please try again.",
            "Hatukuweza kuthibitisha kuwa ni wewe. Tafadhali jaribu tena.",
        ),
    ),
    "fraud_suspected": _merchant(
        "The payment was stopped because it looked like fraud.",
        "Malipo yalisimamishwa kwa kuwa yalionekana kama ulaghai.",
        tell=Words(
            "The payment was stopped. Please pay another way.",
            "Malipo yalisimamishwa. Tafadhali lipa kwa njia nyingine.",
        ),
        do=(steps.OTHER_WAY,),
    ),
    "invalid_account": _customer(
        "The customer's number or account does not take this payment.",
        "Nambari au akaunti ya mteja haikubali malipo haya.",
        tell=Words(
            "This number cannot make the payment. Check it, or use another one.",
            "Nambari hii haiwezi kufanya malipo haya. Ikague, au tumia nyingine.",
        ),
        do=(steps.OTHER_NUMBER, steps.OTHER_WAY),
    ),
    "shortcode_misconfigured": _merchant(
        "Your paybill or till is not set up for this kind of payment.",
        "Paybill au till yako haijaandaliwa kwa malipo ya aina hii.",
    ),
    "credentials_rejected": _merchant(
        "{network} did not accept the credentials of your paybill or till.",
        "{network} haikukubali vitambulisho vya paybill au till yako.",
    ),
    "provider_busy": _merchant(
        "{network} was too busy and took nothing.",
        "{network} ilikuwa na shughuli nyingi na haikupokea chochote.",
        tell=TRY_SOON,
        do=(steps.RESEND_LATER, steps.OTHER_WAY),
    ),
    "provider_down": _merchant(
        "{network} could not be reached, so no request was sent to the customer.",
        "{network} haikupatikana, kwa hiyo mteja hakutumiwa ombi lolote.",
        tell=TRY_SOON,
        do=(steps.RESEND_NOW, steps.OTHER_WAY),
    ),
    "duplicate_request": _merchant(
        "{network} refuses the same amount from the same customer within two minutes.",
        "{network} hukataa kiasi kilekile kutoka kwa mteja yuleyule ndani ya dakika mbili.",
        tell=Words(
            "The same payment was asked for a moment ago. Look at your {network} messages before you pay again.",
            "Malipo haya yaliombwa muda mfupi uliopita. Angalia ujumbe wako wa {network} kabla ya kulipa tena.",
        ),
        do=(steps.RESEND_LATER,),
    ),
    "validation_refused": _merchant(
        "{network} refused the content of the request.",
        "{network} ilikataa maudhui ya ombi.",
        do=(steps.SHORTEN,),
    ),
    UNKNOWN_FAILURE: _customer(
        "{network} said no, for a reason we do not know.",
        "{network} ilikataa, kwa sababu tusiyoijua.",
        tell=Words(
            "The payment did not go through. Please try again or pay another way.",
            "Malipo hayakufanikiwa. Tafadhali jaribu tena au lipa kwa njia nyingine.",
        ),
    ),
}


def reason_of(code: str | None) -> Reason:
    """The words of a failure code; those of an unknown failure for a code that is not in the list."""
    return REASONS.get(code or UNKNOWN_FAILURE, REASONS[UNKNOWN_FAILURE])
