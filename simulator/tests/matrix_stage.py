"""What the walk over the fault matrix plays on: one simulator, seen as merchant, initiator and receiver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from simulator.tests.c2b_merchant import C2bMerchant
from simulator.tests.harness import Daraja, wait_for
from simulator.tests.initiator_client import B2C_V3, REVERSAL, InitiatorClient

OTHER_PHONE = "254722222222"
FAST = {"speed": 50}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`name` is the variant to be played, such as F03.push_html."""

    name: str
    daraja: Daraja
    merchant: C2bMerchant
    caller: InitiatorClient

    @property
    def header(self) -> str:
        return f"fault={self.name}"

    def summary(self) -> dict[str, int]:
        return dict(self.daraja.control("GET", "book/summary"))

    def pay_other(self, **changes: Any) -> dict[str, Any]:
        """A prompt of somebody else, paid and told."""
        pushed = self.daraja.push_accepted(PhoneNumber=OTHER_PHONE, AccountReference="OTHER", **changes)
        self.daraja.wait_all_sent(pushed)
        return self.daraja.entry(pushed)

    def push_decided(self, *, code: str = "0") -> dict[str, Any]:
        """The book's line of a prompt of this variant once it is decided, with this result code."""
        return self.daraja.wait_decided(self.daraja.push_accepted(scenario=f"{self.header}; stk={code}"))

    def told(self, entry: dict[str, Any]) -> list[dict[str, Any]]:
        """The callbacks of a prompt as the book has them, all sent, in the order they were due."""
        sent = self.daraja.wait_all_sent(entry["checkout_request_id"])
        return sorted(sent, key=lambda callback: (callback["due_at"], callback["number"]))

    def transfer(self, *, timeout: float = 10) -> httpx.Response:
        """A request of this variant: a reversal of a paid prompt on line F19, else a B2C transfer."""
        if self.name.startswith("F19"):
            return self.caller.ask(REVERSAL, scenario=self.header, timeout=timeout, TransactionID=self.paid_receipt())
        return self.caller.ask(B2C_V3, scenario=self.header, timeout=timeout)

    def paid_receipt(self) -> str:
        return str(self.caller.pay_in()["receipt"])

    def transfer_line(self) -> dict[str, Any]:
        """The latest request in the book."""
        return dict(wait_for(lambda: self.caller.transfers())[-1])

    def transfer_accepted(self) -> list[dict[str, Any]]:
        """The messages of a request that must be accepted, all sent, in the order they were due."""
        response = self.transfer()
        assert response.status_code == 200, response.text
        sent = self.caller.wait_all_sent(response.json()["OriginatorConversationID"])
        return sorted(sent, key=lambda message: (message["due_at"], message["number"]))


Proof = Callable[[Stage], None]
