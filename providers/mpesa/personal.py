"""What may stay of a body that names a person, once nobody needs to know who it was."""

import json
from typing import Any

from onpoint_pay.kit.redact import redact

# Everything else goes: a name we have not met yet is rather forgotten than kept.
_KEPT = frozenset({
    # Daraja: what became of it, in codes and words.
    "resulttype", "resultcode", "resultdesc", "responsecode", "responsedescription", "responsemessage", "errorcode",
    "errormessage", "customermessage", "transactionstatus", "reasontype", "transactiontype", "debitaccounttype",
    "b2crecipientisregisteredcustomer",
    # Which one it was.
    "requestid", "responserefid", "merchantrequestid", "checkoutrequestid", "originatorconversationid",
    "conversationid", "transactionid", "mpesareceiptnumber", "transactionreceipt", "receiptno", "transid",
    "thirdpartytransid", "businessshortcode", "shortcode", "originaltransactionid",
    # How much, and when.
    "amount", "transactionamount", "transamount", "currency", "orgaccountbalance", "balance", "accountbalance",
    "debitaccountbalance", "transtime", "transactiondate", "finalisedtime", "initiatedtime", "transcompletedtime",
    "transactioncompleteddatetime", "trxdate",
    # Ours: what people and files said instead of the provider.
    "receipt", "status", "result", "payment", "refund", "c2breceipt", "decision", "source", "money", "mode", "line",
})  # fmt: skip
_PAIR_NAMES, _PAIR_VALUE = ("name", "key"), "value"


def without_personal(body: bytes) -> bytes:
    """The body with nothing left in it but known words that name nobody; nothing of one that is no JSON object."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return b""
    if not isinstance(document, (dict, list)):
        return b""
    return json.dumps(redact(_kept(document)), separators=(",", ":")).encode()


def _kept(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        pair = _pair(value)
        return pair if pair is not None else {key: _kept(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_kept(inner, name) for inner in value]
    is_known = value is None or isinstance(value, bool) or _plain(name) in _KEPT
    return value if is_known else None


def _pair(value: dict[str, Any]) -> dict[str, Any] | None:
    """`{"Key": "Amount", "Value": 100}`: what the value is, the other member says."""
    by_name = {_plain(key): key for key in value}
    label = next((value[by_name[name]] for name in _PAIR_NAMES if name in by_name), None)
    if not isinstance(label, str) or len(by_name) > 2 or (len(by_name) == 2 and _PAIR_VALUE not in by_name):
        return None
    return {key: label if _plain(key) in _PAIR_NAMES else _kept(inner, label) for key, inner in value.items()}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
