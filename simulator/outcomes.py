"""How prompts end: the result codes and their texts, the test phones, the mix of random outcomes."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

PAID = "0"
CANCELLED = "1032"
NO_ANSWER = "1037"
WRONG_PIN = "2001"
UNDER_MINIMUM = "2"
OVER_MAXIMUM = "3"
RULE_LIMITED = "17"
NOT_PERMITTED = "2028"
OPERATOR_MISSING = "SFC_IC0003"
NO_FUNDS = "1"
SYSTEM_BLOCKED = "26"
MALFORMED = "25"
UNREGISTERED = "2040"
ALREADY_REVERSED = "R000001"
NOT_REVERSIBLE = "R000002"

MAX_AMOUNT_KES = 250_000
MIN_B2C_KES = 10
RIGHT_PIN = "123456"
NO_ANSWER_TEXT = "No response from user."

RESULT_TEXTS: dict[str, str] = {
    PAID: "The service request is processed successfully.",
    NO_FUNDS: "The balance is insufficient for the transaction.",
    UNDER_MINIMUM: "Declined due to limit rule: less than the minimum transaction amount.",
    OVER_MAXIMUM: "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    RULE_LIMITED: "Rule limited.",
    SYSTEM_BLOCKED: "System busy. Traffic is blocked.",
    "11": "The DebitParty is in an invalid state.",
    "21": "The initiator is not allowed to initiate this request",
    MALFORMED: "The format of parameter null is invalid.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current subscriber",
    "1019": "Transaction has expired",
    "1025": "An error occurred while sending a push request",
    CANCELLED: "Request cancelled by user",
    "1036": "[STK_CB - ]SMSC ACK timeout.",
    NO_ANSWER: "DS timeout user cannot be reached",
    WRONG_PIN: "The initiator information is invalid.",
    NOT_PERMITTED: "The request is not permitted according to product assignment.",
    "2006": "The account status does not allow this transaction.",
    UNREGISTERED: "Credit Party customer type (Unregistered or Registered Customer) can't be supported by the service.",
    ALREADY_REVERSED: "The transaction has already been reversed.",
    NOT_REVERSIBLE: "The OriginalTransactionID is invalid.",
    "8006": "The security credential is locked.",
    "9999": "An error occurred while sending a push request",
    "E3008": "Error, the user has a bad debt contract.",
    OPERATOR_MISSING: "The operator does not exist.",
}

_CODE = re.compile(r"[A-Z0-9_]{1,12}")


def is_result_code(text: str) -> bool:
    return _CODE.fullmatch(text) is not None


def result_text(code: str) -> str:
    """The operator's words for a code; codes outside the table get a plain sentence."""
    return RESULT_TEXTS.get(code, f"The request failed with code {code}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPlan:
    """How the news of one prompt is told, and to those who ask. Waits are simulated seconds; a plan never changes the
    outcome itself.

    `first` and `last` are failure codes told before or after the true news of a paid prompt; `amount_off`
    is added to the amount told (KES); `early` tells it before the push is answered; `body` names an odd shape
    (see callback_shapes.py). The `confirm_...` fields are about the C2B confirmation of a paid prompt.
    `lie` and `forged` name a fault of forgeries.py, `query` one that queries meet (queries.py).
    """

    delay_seconds: float = 0.0
    copies: int = 1
    first: str | None = None
    last: str | None = None
    amount_off: int = 0
    early: bool = False
    body: str | None = None
    confirm_copies: int = 0
    confirm_delay_seconds: float = 0.0
    confirm_first: bool = False
    confirm_shortcode: str | None = None
    lie: str | None = None
    forged: str | None = None
    query: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRule:
    """What one test phone always does. `handover` names an answer to the push (see handover.py)."""

    code: str = PAID
    handover: str | None = None
    answers: bool = True
    plan: CallbackPlan = CallbackPlan()


BUSY_ONCE = "push_busy_once"

PHONES: dict[str, PhoneRule] = {
    "254700000001": PhoneRule(code="1"),
    "254700000032": PhoneRule(code=CANCELLED),
    "254700000017": PhoneRule(code="1001"),
    "254700000037": PhoneRule(code=NO_ANSWER),
    "254700000019": PhoneRule(code="1019"),
    "254700000020": PhoneRule(code=WRONG_PIN),
    "254700000026": PhoneRule(handover=BUSY_ONCE),
    "254700000040": PhoneRule(plan=CallbackPlan(copies=0)),
    "254700000041": PhoneRule(plan=CallbackPlan(copies=2)),
    "254700000042": PhoneRule(plan=CallbackPlan(first=CANCELLED)),
    "254700000043": PhoneRule(plan=CallbackPlan(delay_seconds=300.0)),
    "254700000044": PhoneRule(plan=CallbackPlan(amount_off=1)),
    "254700000045": PhoneRule(answers=False),
    "254700000046": PhoneRule(handover="push_error"),
    "254700000047": PhoneRule(handover="push_hang"),
}
ORDINARY_PHONE = PhoneRule()

RECIPIENTS = {"254700002040": UNREGISTERED}
"""Phones that cannot be paid by B2C, with the result code that says why."""

HAND_PHONE_PREFIX = "254799"
"""Phones under this prefix are always answered by a person (or by the control API), never by the simulator."""


@dataclass(frozen=True, slots=True)
class OutcomeMix:
    """Random outcomes for ordinary phones: a share per result code, drawn from a seed so that a run replays."""

    shares: Mapping[str, float]
    seed: int

    def draw(self, *, key: str, n: int) -> str:
        dice = random.Random(f"{self.seed}:outcome:{key}:{n}")  # noqa: S311 - replayable, not secret
        codes = sorted(self.shares)
        return dice.choices(codes, weights=[self.shares[code] for code in codes])[0]

    def to_json(self) -> dict[str, Any]:
        return {"mix": dict(self.shares), "seed": self.seed}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> OutcomeMix:
        """A mix from the control API's JSON. Raises ValueError with the reason."""
        mix, seed = body.get("mix"), body.get("seed", 0)
        if not isinstance(mix, dict) or not mix or not all(map(is_result_code, mix)):
            raise ValueError("mix must give a share to each result code")
        if not all(isinstance(share, (int, float)) and 0 <= share < 1e9 for share in mix.values()):
            raise ValueError("shares must be numbers, 0 or more")
        if sum(mix.values()) <= 0 or not isinstance(seed, int):
            raise ValueError("shares must not all be 0, and seed must be a whole number")
        return cls({code: float(share) for code, share in mix.items()}, seed)
