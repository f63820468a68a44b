"""What the provider says at the doors of money out and of questions, in its own words."""

import json
from typing import Any

DECLINED, LIMIT, NOT_REVERSIBLE, BUSY = 11, 4, "R000002", 26
NOBODY_KNOWS = "The transaction does not exist."


def result_body(
    originator: str,
    conversation: str,
    *,
    code: int | str = 0,
    text: str = "Said by hand.",
    receipt: str = "UKL0000000",
    **parameters: Any,
) -> bytes:
    """A result; `parameters` are its ResultParameters by name."""
    result: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": text,
        "OriginatorConversationID": originator,
        "ConversationID": conversation,
        "TransactionID": receipt,
    }
    if parameters:
        items = [{"Key": name, "Value": value} for name, value in parameters.items()]
        result["ResultParameters"] = {"ResultParameter": items}
    return json.dumps({"Result": result}).encode()
