"""Sentences that follow the situation: what the evidence adds to it."""

from payments.explanation.words import Words

ATTEMPT = Words("This is attempt {n}.", "Hili ni jaribio la {n}.")
SENT = Words("The request left us {when}.", "Ombi lilitumwa {when}.")
LAST_ANSWER = Words(
    "{network} last answered {when} and had nothing final.",
    "{network} ilijibu mara ya mwisho {when}, bila jibu kamili.",
)
NO_ANSWER = Words("We have asked {times} times without an answer.", "Tumeuliza mara {times} bila kupata jibu.")
NEXT_ASK = Words("We do not know yet; we ask again {when}.", "Bado hatujui; tutauliza tena {when}.")
CALLED_OFF = Words("You called it off {when}.", "Uliyasitisha {when}.")
TOLD = Words("{network} told us by itself, {when}.", "{network} ilituambia yenyewe, {when}.")
FOUND_BY_ASKING = Words("We found out by asking {network}, {when}.", "Tulijua kwa kuiuliza {network}, {when}.")
FOUND_IN_LIST = Words(
    "We found it in {network}'s list of money received, {when}.",
    "Tuliipata kwenye orodha ya {network} ya pesa zilizopokelewa, {when}.",
)
CONFIRMED = Words("It was confirmed {when}.", "Ilithibitishwa {when}.")
RECEIPT = Words("The receipt is {receipt}.", "Risiti ni {receipt}.")
NO_RECEIPT = Words("The receipt number is not known yet.", "Nambari ya risiti bado haijulikani.")
REPEATED = Words(
    "{network} told us more than once; the money is booked once.",
    "{network} ilituambia zaidi ya mara moja; pesa zimewekwa mara moja tu.",
)
DOUBTFUL = Words(
    "Some news about this payment could not be believed and changed nothing.",
    "Baadhi ya taarifa kuhusu malipo haya hazikuaminika na hazikubadilisha chochote.",
)
UNDER = Words("It is less than was expected.", "Ni pungufu ya ilivyotarajiwa.")
OVER = Words("It is more than was expected.", "Ni zaidi ya ilivyotarajiwa.")
GIVEN_BACK = Words("All of it has been given back.", "Zote zimerudishwa.")
PART_GIVEN_BACK = Words("{refunded} of it has been given back.", "{refunded} kati yake imerudishwa.")
ON_THE_WAY_BACK = Words(
    "{held} of it is on its way back, and that is not confirmed yet.",
    "{held} kati yake iko njiani kurudi, na hilo bado halijathibitishwa.",
)
ALSO_PAID = Words(
    "The customer also paid {surplus} too much for this order; that is kept apart and can be given back.",
    "Mteja pia alilipa {surplus} ya ziada kwa oda hii; imetengwa na inaweza kurudishwa.",
)
STILL_OUT = Words(
    "Another request of this payment may still be on the phone.",
    "Ombi jingine la malipo haya huenda bado liko kwenye simu.",
)
# How the API says that a payment was confirmed: the sentence for it.
CONFIRMATIONS = {
    "callback": TOLD,
    "confirmation": TOLD,
    "query": FOUND_BY_ASKING,
    "transaction_status": FOUND_BY_ASKING,
    "claim": FOUND_BY_ASKING,
    "pull": FOUND_IN_LIST,
    "statement": FOUND_IN_LIST,
}
