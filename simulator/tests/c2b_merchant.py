"""A merchant with C2B URLs at the receiver, and payers who pay it, for the tests."""

from __future__ import annotations

import json
from typing import Any

import httpx

from simulator.tests.harness import ANY_PHONE, Daraja, wait_for

START = "1000000.00"
ACCEPT = {"ResultCode": "0", "ResultDesc": "Accepted"}


class C2bMerchant:
    """One shortcode of a simulator, with its confirmation and validation paths."""

    def __init__(self, daraja: Daraja, shortcode: str = "174379") -> None:
        self.daraja = daraja
        self.shortcode = shortcode
        self.confirm_path = daraja.path.replace("collect", "confirm")
        self.validate_path = daraja.path.replace("collect", "validate")

    def registration(self, **changes: Any) -> dict[str, Any]:
        """The body of a registration; a change to None leaves the field out."""
        body = {
            "ShortCode": self.shortcode,
            "ResponseType": "Completed",
            "ConfirmationURL": self.daraja.receiver.url + self.confirm_path,
            "ValidationURL": self.daraja.receiver.url + self.validate_path,
        }
        return {name: value for name, value in (body | changes).items() if value is not None}

    def register(self, *, version: str = "v2", **changes: Any) -> httpx.Response:
        return self.daraja.post(f"/mpesa/c2b/{version}/registerurl", self.registration(**changes))

    def registered(self, *, version: str = "v2", **changes: Any) -> C2bMerchant:
        """Itself, with its URLs registered."""
        response = self.register(version=version, **changes)
        assert response.status_code == 200, response.text
        return self

    def switch(self, **switches: Any) -> dict[str, Any]:
        body = {"shortcode": self.shortcode, "passkey": "simulator-passkey", **switches}
        return dict(self.daraja.control("POST", "shortcodes", body))

    def answer(self, body: Any, *, seconds: float = 0.0) -> None:
        """What the validation URL says from now on, and how long it takes to say it."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.daraja.receiver.replies[self.validate_path] = (text, seconds)

    def pay(self, *, scenario: str = "", **changes: Any) -> dict[str, Any]:
        """One payment by hand of 750 for INV-20418; what the payer is told."""
        order = {"shortcode": self.shortcode, "amount": "750", "phone": ANY_PHONE, "bill_ref": "INV-20418"}
        body = {name: value for name, value in (order | changes).items() if value is not None}
        response = self.daraja.http.post("/control/c2b", json=body, headers={"OnPoint-Scenario": scenario})
        assert response.status_code == 200, response.text
        return dict(response.json())

    def entries(self, **filters: Any) -> list[dict[str, Any]]:
        """The book's lines of this shortcode's payments."""
        found = self.daraja.control("GET", "c2b", shortcode=self.shortcode, **filters)["payments"]
        return list(found)

    def utility(self) -> str:
        held = self.daraja.control("GET", "balances", shortcode=self.shortcode)["balances"]
        return str(held["Utility"])

    def simulate(self, *, version: str = "v2", scenario: str | None = None, **changes: Any) -> httpx.Response:
        """The operator's simulate call; a change to None leaves the field out."""
        body = {
            "ShortCode": int(self.shortcode),
            "CommandID": "CustomerPayBillOnline",
            "Amount": 750,
            "Msisdn": 254708374149,
            "BillRefNumber": "INV-20418",
        }
        changed = {name: value for name, value in (body | changes).items() if value is not None}
        return self.daraja.post(f"/mpesa/c2b/{version}/simulate", changed, scenario=scenario)

    def pulled(self) -> list[str]:
        """Every receipt Pull lists for this shortcode."""
        window = {"StartDate": "2026-01-01 00:00:00", "EndDate": "2099-01-01 00:00:00"}
        body = {"ShortCode": self.shortcode, **window, "OffSetValue": "0"}
        answer = self.daraja.post("/pulltransactions/v1/query", body)
        assert answer.status_code == 200, answer.text
        return [row["transactionId"] for row in answer.json()["Response"][0]]

    def assert_nothing_moved(self, *, refusal: str) -> None:
        """One refused line in the book, no money, and silence."""
        [entry] = self.entries()
        assert (entry["status"], entry["refusal_code"], entry["receipt"]) == ("refused", refusal, None)
        assert self.utility() == START
        assert self.sent(entry["trans_id"]) == []
        assert self.confirmations() == []
        assert self.pulled() == []

    def validations(self) -> list[dict[str, Any]]:
        return self._received(self.validate_path)

    def confirmations(self) -> list[dict[str, Any]]:
        return self._received(self.confirm_path)

    def wait_confirmations(self, count: int = 1) -> list[dict[str, Any]]:
        wait_for(lambda: len(self.confirmations()) >= count)
        return self.confirmations()

    def sent(self, receipt: str) -> list[dict[str, Any]]:
        """The confirmations of a receipt as the book has them, once none is due any more."""

        def settled() -> list[Any] | bool:
            lines = self.daraja.control("GET", "callbacks", checkout_request_id=receipt)["callbacks"]
            return all(line["sent_at"] for line in lines) and [True, *lines]

        return list(wait_for(settled))[1:]

    def _received(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(body) for other, body in self.daraja.receiver.received if other == path]
