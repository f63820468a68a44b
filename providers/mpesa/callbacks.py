"""Which callback comes to which door, and what is answered there."""

import json
from collections.abc import Callable

from providers.base import CallbackParser
from providers.errors import NotSupported
from providers.mpesa import c2b, mapping, personal, results
from providers.types import CallbackEvent, CallbackReply, EventKind, InboundRequest, ValidationRefusal

COLLECT_DOOR = "collect"
ACCEPTED = json.dumps({"ResultCode": 0, "ResultDesc": "Accepted"}, separators=(",", ":")).encode()
_DOORS: dict[str, Callable[[bytes], CallbackEvent]] = {
    COLLECT_DOOR: mapping.push_callback,
    c2b.CONFIRM_DOOR: c2b.confirmation,
    c2b.VALIDATE_DOOR: c2b.validation,
}


class MpesaCallbacks(CallbackParser):
    """Reads what Safaricom sends to our doors."""

    code = "daraja"

    def parse_callback(self, inbound: InboundRequest) -> list[CallbackEvent]:
        """One claim, of the kind that the door is for. Raises CallbackMalformed, NotSupported for unknown doors."""
        if inbound.door in _DOORS:
            return [_DOORS[inbound.door](inbound.body)]
        if inbound.door in results.DOORS:
            return [results.result_callback(inbound.body, door=inbound.door)]
        if inbound.door in results.NOTICE_DOORS:
            return [results.notice_callback(inbound.body, door=inbound.door)]
        raise NotSupported(f"no callbacks are read at the door {inbound.door}")

    def reply_to_callback(self, event: CallbackEvent | None = None, *, accepted: bool = True) -> CallbackReply:
        """We have heard: Safaricom sends a result once, and only the answer to a validation changes anything."""
        if event is not None and event.kind is EventKind.C2B_VALIDATION:
            return self.reply_to_validation(None if accepted else ValidationRefusal.OTHER)
        if event is not None and event.kind is EventKind.C2B_CONFIRMATION:
            return CallbackReply(body=c2b.confirmation_reply())
        return CallbackReply(body=ACCEPTED)

    def reply_to_validation(self, refusal: ValidationRefusal | None) -> CallbackReply:
        """Take the payment, or have M-Pesa cancel it with the words that fit the refusal."""
        return CallbackReply(body=c2b.validation_reply(refusal))

    def without_personal(self, body: bytes) -> bytes:
        """Codes, receipts, amounts and times; no names, no numbers, nothing we have not met yet."""
        return personal.without_personal(body)
