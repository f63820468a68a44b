"""Why M-Pesa payments fail, in words for payers and merchants, in English and Swahili."""

from typing import Any

from providers.types import Certainty, ClosesAs, Failure, FailureCode, RetryAdvice

NOTHING_CHARGED = "M-Pesa cannot take this payment right now. Nothing was charged; please choose another way to pay."
NOTHING_CHARGED_SW = "M-Pesa haiwezi kupokea malipo haya kwa sasa. Hujatozwa chochote; tafadhali tumia njia nyingine."
TRY_SOON = "M-Pesa is busy. Nothing was charged; please try again in a minute."
TRY_SOON_SW = "M-Pesa ina shughuli nyingi. Hujatozwa chochote; tafadhali jaribu tena baada ya dakika moja."


def _setup(code: FailureCode, reason: str, reason_sw: str, action: str, **others: Any) -> Failure:
    """A fault on our side of the counter: the payer can do nothing about it."""
    words: dict[str, Any] = {
        "customer_message": NOTHING_CHARGED,
        "customer_message_sw": NOTHING_CHARGED_SW,
        "retry_advice": RetryAdvice.FIX_SETUP,
    }
    return Failure(code=code, reason=reason, reason_sw=reason_sw, merchant_action=action, **(words | others))


def _busy(reason: str, reason_sw: str, *, after: int, certainty: Certainty = Certainty.CERTAIN) -> Failure:
    return Failure(
        code=FailureCode.PROVIDER_BUSY,
        reason=reason,
        reason_sw=reason_sw,
        customer_message=TRY_SOON,
        customer_message_sw=TRY_SOON_SW,
        merchant_action="Try again after the pause; if it goes on, look at the provider's status page.",
        certainty=certainty,
        retry_advice=RetryAdvice.WAIT,
        retry_after_seconds=after,
    )


def _payer(
    code: FailureCode, reason: str, reason_sw: str, *, say: str, say_sw: str, action: str, **others: Any
) -> Failure:
    """Something the payer can put right."""
    return Failure(
        code=code,
        reason=reason,
        reason_sw=reason_sw,
        customer_message=say,
        customer_message_sw=say_sw,
        merchant_action=action,
        **({"retry_advice": RetryAdvice.ASK_CUSTOMER} | others),
    )


# --- the payer --------------------------------------------------------------------------------------------------------
PAYER_BALANCE = _payer(
    FailureCode.INSUFFICIENT_FUNDS,
    "The payer's M-Pesa balance is lower than the amount and its charges.",
    "Salio la M-Pesa la mlipaji halitoshi kwa kiasi hiki na ada zake.",
    say="Your M-Pesa balance is too low. Top up and try again.",
    say_sw="Salio lako la M-Pesa halitoshi. Ongeza salio kisha ujaribu tena.",
    action="Offer the customer another try or another way to pay.",
)
CANCELLED = _payer(
    FailureCode.CANCELLED_BY_CUSTOMER,
    "The payer cancelled the prompt, or it closed on the phone without a PIN.",
    "Mlipaji alighairi ombi, au lilifungwa kwenye simu bila PIN.",
    say="You cancelled the payment. Try again if you still want to pay.",
    say_sw="Ulighairi malipo. Jaribu tena ukitaka kulipa.",
    action="Offer the customer another try.",
    certainty=Certainty.LIKELY,
    closes_as=ClosesAs.CANCELLED,
)
UNREACHABLE = _payer(
    FailureCode.CUSTOMER_UNREACHABLE,
    "The phone did not answer the prompt: off, no signal, an old SIM, or nobody entered the PIN.",
    "Simu haikujibu ombi: imezimwa, haina mtandao, laini ni ya zamani, au hakuna aliyeweka PIN.",
    say="We could not reach your phone. Switch it on, check signal, and try again.",
    say_sw="Hatukuweza kufikia simu yako. Iwashe, hakikisha ina mtandao, kisha ujaribu tena.",
    action="Offer the customer another try or the paybill instructions.",
    closes_as=ClosesAs.EXPIRED,
)
EXPIRED = _payer(
    FailureCode.PROMPT_EXPIRED,
    "The prompt ran out before the payer entered the PIN.",
    "Muda wa ombi uliisha kabla mlipaji hajaweka PIN.",
    say="The payment request ran out of time. Try again and enter your PIN when asked.",
    say_sw="Muda wa ombi la malipo umeisha. Jaribu tena na uweke PIN unapoombwa.",
    action="Offer the customer another try.",
    closes_as=ClosesAs.EXPIRED,
)
WRONG_PIN = _payer(
    FailureCode.WRONG_PIN,
    "The payer entered a wrong M-Pesa PIN.",
    "Mlipaji aliweka PIN ya M-Pesa isiyo sahihi.",
    say="The M-Pesa PIN was wrong. Try again with the right PIN.",
    say_sw="PIN ya M-Pesa si sahihi. Jaribu tena kwa PIN sahihi.",
    action="Offer the customer another try.",
)
PIN_LOCKED = _payer(
    FailureCode.PIN_LOCKED,
    "The payer's M-Pesa PIN is locked after wrong entries.",
    "PIN ya M-Pesa ya mlipaji imefungwa baada ya kukosewa.",
    say="Your M-Pesa PIN is locked. Ask Safaricom to unlock it, then try again.",
    say_sw="PIN yako ya M-Pesa imefungwa. Omba Safaricom waifungue, kisha ujaribu tena.",
    action="Offer another way to pay; a new prompt fails until the PIN is unlocked.",
)
CUSTOMER_BUSY = _payer(
    FailureCode.CUSTOMER_BUSY,
    "Another M-Pesa transaction is open on the payer's phone.",
    "Kuna muamala mwingine wa M-Pesa unaoendelea kwenye simu ya mlipaji.",
    say="Another M-Pesa request is open on your phone. Finish or close it, then try again in a minute.",
    say_sw="Kuna ombi jingine la M-Pesa kwenye simu yako. Limalize, kisha ujaribu tena baada ya dakika moja.",
    action="Try again after the pause; it takes one to three minutes.",
    retry_advice=RetryAdvice.WAIT,
    retry_after_seconds=60,
)
SAME_AGAIN = _payer(
    FailureCode.DUPLICATE_REQUEST,
    "M-Pesa refuses the same amount from the same payer within two minutes.",
    "M-Pesa hukataa kiasi kilekile kutoka kwa mlipaji yuleyule ndani ya dakika mbili.",
    say="The same payment was asked for a moment ago. Check your M-Pesa messages before you try again in two minutes.",
    say_sw="Malipo haya yameombwa sasa hivi. Angalia ujumbe wa M-Pesa, kisha ujaribu tena baada ya dakika mbili.",
    action="Make sure that the earlier payment is not the one you want, then try again after the pause.",
    retry_advice=RetryAdvice.WAIT,
    retry_after_seconds=120,
)
NOT_AUTHENTICATED = _payer(
    FailureCode.AUTHENTICATION_FAILED,
    "M-Pesa could not make sure that it was the payer.",
    "M-Pesa haikuweza kumtambua mlipaji.",
    say="M-Pesa could not confirm your PIN. Try again.",
    say_sw="M-Pesa haikuweza kuthibitisha PIN yako. Jaribu tena.",
    action="Offer the customer another try.",
)
PHONE_REFUSED = _payer(
    FailureCode.INVALID_ACCOUNT,
    "M-Pesa does not take this phone number.",
    "M-Pesa haikubali nambari hii ya simu.",
    say="This number cannot pay with M-Pesa. Check it or use another one.",
    say_sw="Nambari hii haiwezi kulipa kwa M-Pesa. Ikague au tumia nyingine.",
    action="Ask the customer for the number of an M-Pesa account.",
)

# --- limits -----------------------------------------------------------------------------------------------------------
TOO_SMALL = _payer(
    FailureCode.LIMIT_CUSTOMER,
    "The amount is below the smallest that M-Pesa takes.",
    "Kiasi ni kidogo kuliko kiwango cha chini cha M-Pesa.",
    say="The amount is too small for M-Pesa.",
    say_sw="Kiasi ni kidogo mno kwa M-Pesa.",
    action="Ask for a larger amount or offer another way to pay.",
    retry_advice=RetryAdvice.NEVER,
)
TOO_LARGE = _payer(
    FailureCode.LIMIT_CUSTOMER,
    "The amount is above what this M-Pesa account may move at once.",
    "Kiasi kinazidi kiwango cha juu cha muamala mmoja kwa akaunti hii ya M-Pesa.",
    say="The amount is over your M-Pesa limit for one payment. Pay less or another way.",
    say_sw="Kiasi kinazidi kikomo chako cha M-Pesa kwa malipo moja. Lipa kiasi kidogo au tumia njia nyingine.",
    action="Split the amount or offer another way to pay.",
)
DAILY_LIMIT = _payer(
    FailureCode.LIMIT_CUSTOMER,
    "The amount would pass the M-Pesa account's limit for the day.",
    "Kiasi kingezidi kikomo cha siku cha akaunti ya M-Pesa.",
    say="You have reached your M-Pesa limit for today. Try tomorrow or pay another way.",
    say_sw="Umefikia kikomo chako cha M-Pesa cha leo. Jaribu kesho au tumia njia nyingine.",
    action="Offer another way to pay, or ask again tomorrow.",
)
BALANCE_TOO_LOW_AFTER = _payer(
    FailureCode.LIMIT_CUSTOMER,
    "The payment would leave less on the M-Pesa account than it must keep.",
    "Malipo yangeacha salio dogo kuliko kiwango cha chini cha akaunti ya M-Pesa.",
    say="The payment would leave too little on your M-Pesa account. Top up or pay less.",
    say_sw="Malipo yangeacha salio dogo mno kwenye M-Pesa yako. Ongeza salio au lipa kiasi kidogo.",
    action="Offer the customer another try with a smaller amount.",
)
MERCHANT_FULL = _setup(
    FailureCode.LIMIT_MERCHANT,
    "The payment would lift the merchant's M-Pesa account over the most it may hold.",
    "Malipo yangezidisha salio la juu la akaunti ya M-Pesa ya mfanyabiashara.",
    "Move money out of the M-Pesa account, or ask Safaricom for a higher limit.",
)

# --- our side ---------------------------------------------------------------------------------------------------------
SHORTCODE = _setup(
    FailureCode.SHORTCODE_MISCONFIGURED,
    "The shortcode is not set up for this kind of payment, or is paired with the wrong till.",
    "Nambari ya biashara haijaandaliwa kwa malipo ya aina hii, au imeunganishwa na till isiyo sahihi.",
    "Check the shortcode, the till and its products with Safaricom.",
)
SHORTCODE_UNKNOWN = _setup(
    FailureCode.SHORTCODE_MISCONFIGURED,
    "M-Pesa does not know the shortcode in this environment.",
    "M-Pesa haitambui nambari hii ya biashara katika mazingira haya.",
    "Check the shortcode, and that sandbox and production are not mixed up.",
)
PRODUCT_MISSING = _setup(
    FailureCode.SHORTCODE_MISCONFIGURED,
    "The Daraja app lacks this product, or another version of it is attached.",
    "Programu ya Daraja haina bidhaa hii, au ina toleo jingine.",
    "Add the product to the app in the Daraja portal; tokens made before that stay refused until renewed.",
)
ADDRESS_REFUSED = _setup(
    FailureCode.SHORTCODE_MISCONFIGURED,
    "M-Pesa refuses the address it was told to send the result to.",
    "M-Pesa imekataa anwani ya kutuma matokeo.",
    "Use a public https address without the words M-Pesa, Safaricom, exe, cmd, sql or query anywhere in it.",
)
ACCESS_BLOCKED = _setup(
    FailureCode.SHORTCODE_MISCONFIGURED,
    "M-Pesa's gateway does not let this server or this app in.",
    "Lango la M-Pesa haliruhusu seva hii au programu hii.",
    "Ask Safaricom whether the server's address or the app is blocked.",
)
ALREADY_REGISTERED = _setup(
    FailureCode.SHORTCODE_MISCONFIGURED,
    "Callback addresses are already registered for the shortcode.",
    "Anwani za matokeo tayari zimesajiliwa kwa nambari hii ya biashara.",
    "Delete them in the Daraja portal under URL management, then register again.",
)
CREDENTIALS = _setup(
    FailureCode.CREDENTIALS_REJECTED,
    "M-Pesa refuses the consumer key and secret.",
    "M-Pesa imekataa consumer key na consumer secret.",
    "Copy both again from the Daraja portal, for the right environment.",
)
PASSKEY = _setup(
    FailureCode.CREDENTIALS_REJECTED,
    "M-Pesa refuses the shortcode and passkey together.",
    "M-Pesa imekataa nambari ya biashara pamoja na passkey.",
    "Check that the passkey belongs to this shortcode and environment.",
)
INITIATOR = _setup(
    FailureCode.CREDENTIALS_REJECTED,
    "The M-Pesa API user is unknown, locked, not allowed, or its credential is wrong.",
    "Mtumiaji wa API wa M-Pesa hajulikani, amefungwa, haruhusiwi, au nywila yake si sahihi.",
    "Check the API user's name, role and password in the M-Pesa portal, and the certificate used.",
)
REQUEST_REFUSED = _setup(
    FailureCode.VALIDATION_REFUSED,
    "M-Pesa refuses the content of the request.",
    "M-Pesa imekataa maudhui ya ombi.",
    "Look at the provider's message for the field; shorten references and descriptions.",
)
TEXT_TOO_LONG = _setup(
    FailureCode.VALIDATION_REFUSED,
    "The text on the prompt is too long: name, reference and description together.",
    "Maandishi ya ombi ni marefu mno: jina, rejea na maelezo kwa pamoja.",
    "Shorten the account reference and the description.",
)
ACCOUNT_STATE = _setup(
    FailureCode.INVALID_ACCOUNT,
    "One of the two M-Pesa accounts is closed, blocked or not what it should be.",
    "Moja ya akaunti mbili za M-Pesa imefungwa, imezuiwa au si sahihi.",
    "Check the state of the shortcode's accounts and the other party's number.",
)
SANDBOX_NUMBER = _setup(
    FailureCode.DECLINED,
    "The sandbox takes payments from its own test number only.",
    "Mazingira ya majaribio hupokea malipo ya nambari yake ya majaribio pekee.",
    "Use the test number 254708374149 in the sandbox.",
)

# --- M-Pesa itself ----------------------------------------------------------------------------------------------------
SYSTEM_BUSY = _busy("M-Pesa is busy and took nothing.", "M-Pesa ina shughuli nyingi na haikupokea chochote.", after=60)
TOO_FAST = _busy(
    "Too many requests to M-Pesa in a short time.", "Maombi mengi mno kwa M-Pesa ndani ya muda mfupi.", after=5
)
QUOTA = _busy("The Daraja app has used up its quota.", "Programu ya Daraja imemaliza kiwango chake.", after=300)
PROMPT_NOT_SENT = _busy(
    "M-Pesa could not put the prompt on the phone.",
    "M-Pesa haikuweza kutuma ombi kwenye simu.",
    after=60,
    certainty=Certainty.LIKELY,
)
INTERNAL = _busy(
    "M-Pesa had an internal failure.", "M-Pesa ilipata hitilafu ya ndani.", after=60, certainty=Certainty.LIKELY
)
