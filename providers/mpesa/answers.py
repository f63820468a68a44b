"""What an answer to a call means: taken, definitely refused, or to be asked about."""

from dataclasses import replace

from onpoint_pay.kit.money import Money
from providers.errors import ProviderRejected, ProviderTimeout
from providers.mpesa.codes import Api, code_text, is_success, lookup
from providers.mpesa.gateway import ORDER_RULES, GatewayAnswer, Rule, Verdict, clean_message, judge, refusal
from providers.mpesa.receiver_words import to_receiver
from providers.mpesa.values import CURRENCY
from providers.mpesa.words import REQUEST_REFUSED
from providers.strict_json import JsonObject
from providers.types import Failure, Outcome, OutcomeStatus


def not_sent(failure: Failure, message: str) -> ProviderRejected:
    """M-Pesa would refuse it, so it is not sent."""
    return ProviderRejected(
        Outcome(status=OutcomeStatus.FAILED, failure=failure, provider_code="not sent", provider_message=message)
    )


def whole_shillings(amount: Money) -> int:
    """The amount in shillings. Raises ProviderRejected for what prompts and codes cannot carry."""
    if amount.currency != CURRENCY or not amount.is_positive or not amount.is_whole:
        raise not_sent(REQUEST_REFUSED, f"{amount} is not a positive number of whole shillings")
    return amount.whole_units()


def response_code(answer: GatewayAnswer) -> str | None:
    """Daraja: only a ResponseCode under HTTP 200, without an errorCode beside it, is an answer of M-Pesa's own."""
    document = answer.document or {}
    return code_text(document.get("ResponseCode")) if answer.status == 200 and "errorCode" not in document else None


def trouble(answer: GatewayAnswer, *, first: tuple[Rule, ...] = ()) -> ProviderRejected | ProviderTimeout:
    """The error for an answer that is not the expected one; what no rule calls a refusal may have been taken."""
    ruling = judge(answer, first=first)
    if ruling.verdict in (Verdict.REFUSED, Verdict.BAD_TOKEN):
        return refusal(ruling, answer)
    return ProviderTimeout(f"HTTP {answer.status} {ruling.code} {ruling.message}".strip(), raw=answer.kept)


def refused_with(code: str, failure: Failure, answer: GatewayAnswer) -> ProviderRejected:
    """Daraja: a ResponseCode other than 0 is a refusal even under HTTP 200."""
    return ProviderRejected(
        Outcome(
            status=OutcomeStatus.FAILED,
            failure=failure,
            provider_code=code,
            provider_message=clean_message((answer.document or {}).get("ResponseDescription")),
            raw=answer.kept,
        )
    )


def taken_order(answer: GatewayAnswer, api: Api) -> JsonObject:
    """The document of an accepted order of ours.

    Raises ProviderRejected for a definite refusal, ProviderTimeout for all else: also for a code that nobody has
    documented, and for the word that M-Pesa has the order already, because then the first one counts.
    """
    code = response_code(answer)
    if code is None:
        error = trouble(answer, first=ORDER_RULES)
        raise told_to_receiver(error) if isinstance(error, ProviderRejected) else error
    if is_success(code):
        return answer.document or {}
    meaning = lookup(code, api)
    if meaning is None or meaning.failure is None or meaning.asks_first:
        raise ProviderTimeout(f"answered with ResponseCode {code}", raw=answer.kept)
    raise refused_with(code, meaning.failure, answer)


def told_to_receiver(error: ProviderRejected) -> ProviderRejected:
    """The refusal in words for someone who waits for money."""
    return ProviderRejected(replace(error.outcome, failure=to_receiver(error.failure)))
