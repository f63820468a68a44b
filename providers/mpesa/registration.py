"""Enrolling a shortcode: where payments that payers start are told (C2B), and for the list of money received (Pull)."""

from onpoint_pay.kit.phone import is_canonical
from providers.mpesa import words
from providers.mpesa.answers import not_sent, refused_with, response_code, trouble
from providers.mpesa.codes import code_text, is_success
from providers.mpesa.config import MpesaConfig
from providers.mpesa.gateway import REGISTRATION_RULES, GatewayAnswer, clean_message, judge
from providers.mpesa.values import plain_names
from providers.strict_json import JsonObject
from providers.types import CallbackRegistration

# Daraja: which of the two an app may call depends on the product attached to it.
_C2B_PATHS = {"v1": "/mpesa/c2b/v1/registerurl", "v2": "/mpesa/c2b/v2/registerurl"}
_REGISTERED_ALREADY = "urls are already registered"
_ENROLLED = frozenset({"1000", "1001"})


def c2b_path(config: MpesaConfig) -> str:
    """Raises ProviderRejected for a version that there is not."""
    if config.c2b_version not in _C2B_PATHS:
        raise not_sent(words.PRODUCT_MISSING, f"C2B has the versions {', '.join(_C2B_PATHS)}")
    return _C2B_PATHS[config.c2b_version]


def c2b_document(request: CallbackRegistration, config: MpesaConfig) -> JsonObject:
    """Daraja: the two answers for silence are spelt exactly so."""
    return {
        "ShortCode": config.shortcode,
        "ResponseType": "Completed" if request.accept_when_silent else "Cancelled",
        "ConfirmationURL": request.confirmation_url,
        "ValidationURL": request.validation_url,
    }


def check_c2b_answer(answer: GatewayAnswer) -> None:
    """Returns when the addresses are registered, now or before.

    Daraja: an answer without a ResponseCode registered nothing. Raises ProviderRejected and ProviderTimeout.
    """
    if _REGISTERED_ALREADY in judge(answer).message.lower():
        return
    code = response_code(answer)
    if code is None:
        said = clean_message((answer.document or {}).get("ResponseDescription"))
        if _REGISTERED_ALREADY in said.lower():
            raise refused_with("no ResponseCode", words.ALREADY_REGISTERED, answer)
        raise trouble(answer, first=REGISTRATION_RULES)
    if not is_success(code):
        raise refused_with(code, words.REQUEST_REFUSED, answer)


def pull_document(config: MpesaConfig, *, phone: str, callback_url: str) -> JsonObject:
    """`phone` is the number M-Pesa may ask about it. Raises ProviderRejected when it is none."""
    if not is_canonical(phone):
        raise not_sent(words.PHONE_REFUSED, "the nominated number is not a Kenyan mobile number")
    return {
        "ShortCode": config.shortcode,
        "RequestType": "Pull",
        "NominatedNumber": phone,
        "CallBackURL": callback_url,
    }


def check_pull_answer(answer: GatewayAnswer) -> None:
    """Returns when the shortcode is enrolled, now or before. Raises ProviderRejected and ProviderTimeout.

    Daraja: names have been seen with blanks in them.
    """
    document = plain_names(answer.document or {})
    code = code_text(document.get("responsestatus"))
    if answer.status != 200 or code is None or "errorcode" in document:
        raise trouble(answer)
    if code not in _ENROLLED:
        raise refused_with(code, words.REQUEST_REFUSED, answer)
