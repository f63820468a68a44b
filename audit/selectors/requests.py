"""Finding calls of one merchant in one mode."""

from collections.abc import Callable, Mapping
from uuid import UUID

from django.db.models import Q

from audit.models import RequestLog
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.crypto import sha256
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import Conditions, Page, one_of, page_by, time_range

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS")
CLASSES = ("2xx", "3xx", "4xx", "5xx")


def idempotency_digest(key: str) -> str:
    """What the log keeps of an Idempotency-Key: whoever knows the key finds the call."""
    return sha256(key.encode()).hex()[:32]


def _status(text: str) -> Q:
    """A status such as 402, or all of a class such as 4xx."""
    if text in CLASSES:
        first = int(text[0]) * 100
        return Q(status__gte=first, status__lt=first + 100)
    if not (text.isascii() and text.isdigit() and len(text) == 3):
        raise ValueError("Send a status such as 402, or 4xx.")
    return Q(status=int(text))


def _equal(field: str) -> Callable[[str], Q]:
    return lambda text: Q(**{field: text})


CONDITIONS: Conditions = {
    "method": one_of("method", METHODS),
    "status": _status,
    "error_code": _equal("error_code"),
    "actor": _equal("actor"),
    "path": lambda text: Q(path__startswith=text),
    "idempotency_key": lambda text: Q(idempotency_digest=idempotency_digest(text)),
    "client_request_id": _equal("client_request_id"),
    **time_range("at"),
}


def page_of_requests(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[RequestLog]:
    """Newest first by filter, without bodies, and the next page's cursor. Raises Invalid, Problem cursor_invalid."""
    rows = RequestLog.objects.scoped(caller.merchant_id, caller.mode).defer("request_body", "answer_body")
    return page_by(rows, query, CONDITIONS, limit=limit, within=caller.mode)


def request_of(caller: Caller, key: UUID) -> RequestLog:
    """Raises NotFound, also for a call of another merchant or mode."""
    row = RequestLog.objects.scoped(caller.merchant_id, caller.mode).filter(id=key).first()
    if row is None:
        raise NotFound
    return row
