"""What the API user orders and asks: reversals, payouts, questions about transactions and balances. No network."""

from onpoint_pay.kit.money import Money
from onpoint_pay.kit.phone import is_canonical
from providers.errors import ProviderTimeout
from providers.mpesa import receiver_words, words
from providers.mpesa.answers import not_sent, taken_order
from providers.mpesa.codes import Api, code_text
from providers.mpesa.config import MpesaConfig
from providers.mpesa.credential import security_credential
from providers.mpesa.gateway import GatewayAnswer, clean_message
from providers.mpesa.receiver_words import to_receiver
from providers.mpesa.values import CURRENCY, clean_words, identifier, plain_names, receipt
from providers.strict_json import JsonObject
from providers.types import (
    BalanceRequest,
    Outcome,
    OutcomeStatus,
    PayoutPurpose,
    PayoutRequest,
    RefundRequest,
    StatusRequest,
)

# Daraja: what one payout to a phone may be.
SMALLEST_PAYOUT, LARGEST_PAYOUT = Money(1_000), Money(25_000_000)
LONGEST_REMARKS = 100
_COMMANDS = {
    PayoutPurpose.BUSINESS: "BusinessPayment",
    PayoutPurpose.SALARY: "SalaryPayment",
    PayoutPurpose.PROMOTION: "PromotionPayment",
    PayoutPurpose.REFUND: "BusinessPayment",
}
# Daraja: the kinds of identifier. The one of reversals is used by nothing else.
_SHORTCODE, _REVERSAL_RECEIVER = "4", "11"


# Names are spelt as Daraja spells them, which differs from API to API.
def reversal_document(request: RefundRequest, config: MpesaConfig) -> JsonObject:
    """The reversal of a whole payment. Raises ProviderRejected for what M-Pesa cannot take."""
    original = receipt(request.receipt)
    if original is None:
        raise not_sent(receiver_words.ORIGINAL_MISSING, "the receipt is none of M-Pesa")
    return {
        "Initiator": config.initiator_name,
        "SecurityCredential": security_credential(config),
        "CommandID": "TransactionReversal",
        "TransactionID": original,
        "Amount": _amount(request.amount),
        "ReceiverParty": config.shortcode,
        "RecieverIdentifierType": _REVERSAL_RECEIVER,
        "ResultURL": request.result_url,
        "QueueTimeOutURL": request.timeout_url,
        "Remarks": _remarks(request.reason, otherwise="Refund"),
        "Occasion": _remarks(request.reference, otherwise="Refund"),
    }


def payout_document(request: PayoutRequest, config: MpesaConfig) -> JsonObject:
    """Money to a phone, under our own reference. Raises ProviderRejected for what M-Pesa cannot take."""
    if identifier(request.reference) is None:
        raise not_sent(to_receiver(words.REQUEST_REFUSED), "the reference guards against sending twice and is missing")
    if not is_canonical(request.phone):
        raise not_sent(receiver_words.RECEIVER_REFUSED, "not a Kenyan mobile number")
    return {
        "OriginatorConversationID": request.reference,
        "InitiatorName": config.initiator_name,
        "SecurityCredential": security_credential(config),
        "CommandID": _COMMANDS[request.purpose],
        "Amount": _payout_amount(request.amount),
        "PartyA": config.shortcode,
        "PartyB": request.phone,
        "Remarks": _remarks(request.description, otherwise="Payout"),
        "QueueTimeOutURL": request.timeout_url,
        "ResultURL": request.result_url,
        "Occassion": request.purpose.value,
    }


def status_document(request: StatusRequest, config: MpesaConfig) -> JsonObject:
    """The question about a transaction. Raises ProviderRejected when nobody may ask it."""
    document: JsonObject = {
        "Initiator": config.initiator_name,
        "SecurityCredential": security_credential(config),
        "CommandID": "TransactionStatusQuery",
        "TransactionID": request.receipt or "",
        "PartyA": config.shortcode,
        "IdentifierType": _SHORTCODE,
        "ResultURL": request.result_url,
        "QueueTimeOutURL": request.timeout_url,
        "Remarks": "Status check",
        "Occasion": _remarks(request.reference, otherwise="Status"),
    }
    if request.original_reference is not None:
        # Daraja: the documentation has had both names for it, and takes both at once.
        document["OriginalConversationID"] = request.original_reference
        document["OriginatorConversationID"] = request.original_reference
    return document


def balance_document(request: BalanceRequest, config: MpesaConfig) -> JsonObject:
    """The question about the shortcode's accounts. Raises ProviderRejected when nobody may ask it."""
    return {
        "Initiator": config.initiator_name,
        "SecurityCredential": security_credential(config),
        "CommandID": "AccountBalance",
        "PartyA": config.shortcode,
        "IdentifierType": _SHORTCODE,
        "Remarks": _remarks(request.reference, otherwise="Balance"),
        "QueueTimeOutURL": request.timeout_url,
        "ResultURL": request.result_url,
    }


def accepted(
    answer: GatewayAnswer,
    api: Api,
    *,
    reference: str = "",
    amount: Money | None = None,
    phone: str | None = None,
) -> Outcome:
    """Pending: the result comes by callback. `reference` is the one we sent it under.

    Raises ProviderRejected for a definite refusal, ProviderTimeout for all that is unclear.
    """
    document = plain_names(taken_order(answer, api))
    conversation = identifier(document.get("conversationid"))
    if conversation is None:
        raise ProviderTimeout("accepted without a ConversationID", raw=answer.kept)
    originator = identifier(document.get("originatorconversationid")) or reference
    names = {"conversation_id": conversation, "originator_conversation_id": originator}
    return Outcome(
        status=OutcomeStatus.PENDING,
        provider_reference=conversation,
        provider_code=code_text(document.get("responsecode")),
        provider_message=clean_message(document.get("responsedescription")),
        money=amount,
        phone=phone,
        query_reference=originator or None,
        details={name: value for name, value in names.items() if value},
        raw=answer.kept,
    )


def _remarks(text: str, *, otherwise: str) -> str:
    """Daraja: 2 to 100 characters."""
    cleaned = clean_words(text, longest=LONGEST_REMARKS)
    return cleaned if len(cleaned) > 1 else otherwise


def _amount(amount: Money) -> str:
    """Daraja: the transacted amount, down to the cent where there are cents."""
    if amount.currency != CURRENCY or not amount.is_positive:
        raise not_sent(to_receiver(words.REQUEST_REFUSED), f"{amount} is not a positive number of shillings")
    return str(amount.whole_units()) if amount.is_whole else amount.decimal_text()


def _payout_amount(amount: Money) -> str:
    if amount.currency != CURRENCY or not amount.is_whole:
        raise not_sent(to_receiver(words.REQUEST_REFUSED), f"{amount} is not a number of whole shillings")
    if amount < SMALLEST_PAYOUT:
        raise not_sent(receiver_words.TOO_SMALL, f"{amount} is less than {SMALLEST_PAYOUT}")
    if amount > LARGEST_PAYOUT:
        raise not_sent(receiver_words.TOO_LARGE, f"{amount} is more than {LARGEST_PAYOUT}")
    return str(amount.whole_units())
