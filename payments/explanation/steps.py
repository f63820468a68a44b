"""What a merchant can do next; names in backquotes are links of the explanation."""

import re

from payments.explanation.words import Words

NAMED = re.compile(r"`(\w+)`")


def links_in(step: Words) -> list[str]:
    """The links a step names: without them it cannot be taken."""
    return NAMED.findall(step.en)


NOTHING = Words(
    "Nothing for now: you are told by webhook as soon as it is decided.",
    "Hakuna la kufanya kwa sasa: utajulishwa kwa webhook mara tu itakapoamuliwa.",
)
DELIVER = Words("Hand over what was paid for.", "Mpe mteja alicholipia.")
ASK_NOW = Words(
    "Ask {network} now with `sync` if you cannot wait.", "Iulize {network} sasa kwa `sync` kama huwezi kusubiri."
)
NO_SECOND = Words(
    "Do not send another request yet: the customer could pay twice.",
    "Usitume ombi jingine bado: mteja anaweza kulipa mara mbili.",
)
REMIND = Words(
    "Ask the customer to look at the phone and enter the PIN.", "Mwombe mteja aangalie simu yake na aweke PIN."
)
SHOW_NUMBER = Words(
    "Make sure the customer has the paybill or till number, the account and the amount.",
    "Hakikisha mteja ana nambari ya paybill au till, akaunti na kiasi.",
)
RESEND = Words("Send the customer a new request with `resend`.", "Mtumie mteja ombi jipya kwa `resend`.")
RESEND_LATER = Words(
    "Wait two minutes, then send a new request with `resend`.",
    "Subiri dakika mbili, kisha utume ombi jipya kwa `resend`.",
)
RESEND_NOW = Words(
    "Send a new request with `resend`; the first one never left.",
    "Tuma ombi jipya kwa `resend`; la kwanza halikutumwa kabisa.",
)
OTHER_NUMBER = Words(
    "Ask for another number and send the request there with `resend`.",
    "Omba nambari nyingine na utume ombi huko kwa `resend`.",
)
OTHER_WAY = Words("Or offer another way to pay.", "Au mpe mteja njia nyingine ya kulipa.")
SMALLER = Words(
    "Ask for a smaller amount as a new payment, or offer another way to pay.",
    "Omba kiasi kidogo kama malipo mapya, au mpe mteja njia nyingine ya kulipa.",
)
MEND_ACCOUNT = Words(
    "Check your paybill or till and its credentials, then send a new request with `resend`.",
    "Kagua paybill au till yako na vitambulisho vyake, kisha utume ombi jipya kwa `resend`.",
)
MAKE_ROOM = Words(
    "Move money out of your {network} account, or ask for a higher limit; then send a new request with `resend`.",
    "Hamisha pesa kutoka akaunti yako ya {network}, au omba kikomo cha juu zaidi; kisha utume ombi jipya kwa `resend`.",
)
SHORTEN = Words(
    "Shorten the reference and the description, and start a new payment.",
    "Fupisha rejea na maelezo, kisha uanzishe malipo mapya.",
)
STATEMENT = Words(
    "Look for the amount in your {network} statement before you ask the customer again.",
    "Tafuta kiasi hiki kwenye taarifa yako ya {network} kabla ya kumwomba mteja tena.",
)
REFUND = Words("Give the money back with `refund`.", "Rudisha pesa kwa `refund`.")
REFUND_OR_KEEP = Words(
    "Hand over what was paid for after all, or give the money back with `refund`.",
    "Mpe mteja alicholipia hata sasa, au rudisha pesa kwa `refund`.",
)
ASK_NETWORK = Words(
    "Ask {network} why the money was taken back, and settle it with the customer.",
    "Iulize {network} kwa nini pesa zilirudishwa, kisha ukubaliane na mteja.",
)
START_ANEW = Words(
    "Start a new payment if the customer still wants to pay.",
    "Anzisha malipo mapya kama mteja bado anataka kulipa.",
)
AFTER_ALL = Words(
    "Nothing; should the customer want to pay after all, `resend` sends a new request.",
    "Hakuna; mteja akitaka kulipa hata hivyo, `resend` hutuma ombi jipya.",
)
NOTHING_LEFT = Words("There is nothing left to do.", "Hakuna kilichobaki kufanywa.")
