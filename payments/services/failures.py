"""Failures that no provider told us of, because nothing was sent or nothing was answered, in English and Swahili."""

from providers.types import Certainty, ClosesAs, Failure, FailureCode, RetryAdvice

NOTHING_SENT = Failure(
    code=FailureCode.PROVIDER_DOWN,
    reason="The provider could not be reached; nothing was sent to the payer.",
    reason_sw="Mtoa huduma hakupatikana; mlipaji hakutumiwa chochote.",
    customer_message="The payment could not be started. Nothing was charged; please try again.",
    customer_message_sw="Malipo hayakuweza kuanzishwa. Hujatozwa chochote; tafadhali jaribu tena.",
    merchant_action="Ask again in a moment; the same reference may be used.",
    retry_advice=RetryAdvice.NOW,
)
# Likely, not certain: a provider that is silent about a prompt has sometimes taken the money all the same.
NOTHING_ANSWERED = Failure(
    code=FailureCode.PROMPT_EXPIRED,
    reason="The payer did not answer the prompt, and the provider has no payment an hour later.",
    reason_sw="Mlipaji hakujibu ombi, na saa moja baadaye mtoa huduma hana malipo yoyote.",
    customer_message="The payment request has ended. Ask for a new one if you still want to pay.",
    customer_message_sw="Ombi la malipo limekwisha. Omba jipya kama bado unataka kulipa.",
    merchant_action="Offer the customer another try.",
    certainty=Certainty.LIKELY,
    retry_advice=RetryAdvice.ASK_CUSTOMER,
    closes_as=ClosesAs.EXPIRED,
)
# Likely as well: the list tells what has come so far.
NOTHING_CAME = Failure(
    code=FailureCode.PROMPT_EXPIRED,
    reason="The payer did not pay in time, and the provider's list has no such money.",
    reason_sw="Mlipaji hakulipa kwa wakati, na orodha ya mtoa huduma haina pesa hizo.",
    customer_message="The time to pay has ended. Ask for a new payment if you still want to pay.",
    customer_message_sw="Muda wa kulipa umekwisha. Omba malipo mapya kama bado unataka kulipa.",
    merchant_action="Make a new payment if the customer still wants to pay.",
    certainty=Certainty.LIKELY,
    retry_advice=RetryAdvice.ASK_CUSTOMER,
    closes_as=ClosesAs.EXPIRED,
)
# Certain: the provider was not even asked.
CANNOT_SEND = Failure(
    code=FailureCode.SHORTCODE_MISCONFIGURED,
    reason="The account at the provider is not set up for sending money.",
    reason_sw="Akaunti kwa mtoa huduma haijawekwa kutuma pesa.",
    customer_message="This money could not be sent. Please ask the business it comes from.",
    customer_message_sw="Pesa hizi hazikuweza kutumwa. Tafadhali uliza biashara inayozituma.",
    merchant_action="Give the provider account an API user that may send money, then ask for the refund again.",
    retry_advice=RetryAdvice.FIX_SETUP,
)
# Certain as far as anything is: asked twice a day later, and its own statement of the day read.
NEVER_LEFT = Failure(
    code=FailureCode.UNKNOWN_FAILURE,
    reason="The provider knows no such transaction, and its statement of that day shows none: no money left.",
    reason_sw="Mtoa huduma hajui muamala huo, na taarifa yake ya siku hiyo haina: hakuna pesa iliyotoka.",
    customer_message="This money was not sent. Please ask the business it comes from.",
    customer_message_sw="Pesa hizi hazikutumwa. Tafadhali uliza biashara inayozituma.",
    merchant_action="Ask for it again.",
    retry_advice=RetryAdvice.NOW,
)
DECIDED_BY_PEOPLE = Failure(
    code=FailureCode.UNKNOWN_FAILURE,
    reason="Two people of the operator have looked at the provider's books: no money left.",
    reason_sw="Watu wawili wa mwendeshaji wameangalia vitabu vya mtoa huduma: hakuna pesa iliyotoka.",
    customer_message="This money was not sent. Please ask the business it comes from.",
    customer_message_sw="Pesa hizi hazikutumwa. Tafadhali uliza biashara inayozituma.",
    merchant_action="Ask for it again.",
    certainty=Certainty.LIKELY,
    retry_advice=RetryAdvice.NOW,
)
