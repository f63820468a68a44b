"""A client of the initiator APIs: good requests with changes, their results, and the book's view of them."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.tests.harness import Daraja, wait_for

B2C_V1 = "/mpesa/b2c/v1/paymentrequest"
B2C_V3 = "/mpesa/b2c/v3/paymentrequest"
REVERSAL = "/mpesa/reversal/v1/request"
STATUS = "/mpesa/transactionstatus/v1/query"
BALANCE = "/mpesa/accountbalance/v1/query"
PATHS = (B2C_V1, B2C_V3, REVERSAL, STATUS, BALANCE)

PASSWORD = "simulator-initiator-password"


def seal(certificate: str, password: str, *, padded: padding.AsymmetricPadding | None = None) -> str:
    """A security credential: base64 of RSA PKCS#1 v1.5, unless another padding is asked for."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return base64.b64encode(key.encrypt(password.encode(), padded or padding.PKCS1v15())).decode()


class InitiatorClient:
    """What a merchant's backend does with the initiator APIs of shortcode 174379."""

    _numbers = itertools.count(1)

    def __init__(self, daraja: Daraja) -> None:
        self.daraja = daraja
        self.result_path, self.timeout_path = f"{daraja.path}/result", f"{daraja.path}/timeout"
        self.credential = seal(self.certificate(), PASSWORD)

    def certificate(self) -> str:
        return self.daraja.http.get("/control/certificate").text

    def order(self, path: str, **changes: Any) -> dict[str, Any]:
        """A good request; a change to None leaves the field out."""
        name = "InitiatorName" if "b2c" in path else "Initiator"
        order = {
            name: "simulator-initiator",
            "SecurityCredential": self.credential,
            "Remarks": "Order 20418",
            "QueueTimeOutURL": self.daraja.receiver.url + self.timeout_path,
            "ResultURL": self.daraja.receiver.url + self.result_path,
            **self._own_fields(path),
        }
        return {field: value for field, value in (order | changes).items() if value is not None}

    def _own_fields(self, path: str) -> dict[str, Any]:
        if path == REVERSAL:
            party = {"ReceiverParty": "174379", "RecieverIdentifierType": "11"}
            return {"CommandID": "TransactionReversal", "Amount": "1500", **party}
        if path in (STATUS, BALANCE):
            command = "TransactionStatusQuery" if path == STATUS else "AccountBalance"
            return {"CommandID": command, "PartyA": "174379", "IdentifierType": "4"}
        given = {"OriginatorConversationID": f"174379_PO_{next(self._numbers)}"} if path == B2C_V3 else {}
        return {**given, "CommandID": "BusinessPayment", "Amount": "2500", "PartyA": "174379", "PartyB": "254708374149"}

    def ask(self, path: str, *, scenario: str | None = None, timeout: float = 10, **changes: Any) -> httpx.Response:
        return self.daraja.post(path, self.order(path, **changes), scenario=scenario, timeout=timeout)

    def ask_accepted(self, path: str, *, scenario: str | None = None, **changes: Any) -> str:
        """The OriginatorConversationID of a request that must be accepted."""
        response = self.ask(path, scenario=scenario, **changes)
        assert response.status_code == 200, response.text
        return str(response.json()["OriginatorConversationID"])

    def result_of(self, path: str, *, scenario: str | None = None, **changes: Any) -> dict[str, Any]:
        """What ResultURL is told of a request that must be accepted."""
        return self.wait_result(self.ask_accepted(path, scenario=scenario, **changes))

    def wait_result(self, conversation_id: str) -> dict[str, Any]:
        return dict(wait_for(lambda: self.results(conversation_id))[0])

    def results(self, conversation_id: str) -> list[dict[str, Any]]:
        """The results the receiver got about one request, in order of arrival."""
        found = [json.loads(body)["Result"] for body in self.daraja.bodies(self.result_path)]
        return [result for result in found if result["OriginatorConversationID"] == conversation_id]

    def notices(self) -> list[dict[str, Any]]:
        """What QueueTimeOutURL got."""
        return [json.loads(body) for body in self.daraja.bodies(self.timeout_path)]

    def arrivals(self) -> list[str]:
        """`result` and `timeout`, in order of arrival."""
        paths = [path for path, _ in list(self.daraja.receiver.received)]
        return [path.rpartition("/")[2] for path in paths if path.startswith(self.daraja.path)]

    def wait_all_sent(self, conversation_id: str) -> list[dict[str, Any]]:
        """The request's messages as the book has them, once none is due any more."""

        def sent() -> list[Any]:
            booked = self.booked_results(conversation_id)
            return [booked] if all(message["sent_at"] for message in booked) else []

        return list(wait_for(sent)[0])

    def booked_results(self, conversation_id: str) -> list[dict[str, Any]]:
        return list(self.daraja.control("GET", "results", originator_conversation_id=conversation_id)["results"])

    def transfers(self, **filters: Any) -> list[dict[str, Any]]:
        return list(self.daraja.control("GET", "transfers", **filters)["transfers"])

    def transfer(self, conversation_id: str) -> dict[str, Any]:
        """The book's line of one accepted request."""
        found = self.transfers(originator_conversation_id=conversation_id)
        (line,) = [each for each in found if each["status"] != "refused"]
        return line

    def pay_in(self, *, amount: int = 1500, phone: str = "254708374149", **changes: Any) -> dict[str, Any]:
        """A paid prompt, as the book has it."""
        pushed = self.daraja.push_accepted(Amount=amount, PhoneNumber=phone, scenario="callback.lost=1", **changes)
        return self.daraja.wait_decided(pushed)

    def utility(self) -> str:
        """What the Utility account holds, as text."""
        return str(self.daraja.control("GET", "balances")["balances"]["Utility"])

    def set_utility(self, amount: str) -> None:
        self.daraja.control("POST", "balances", {"shortcode": "174379", "account": "Utility", "amount": amount})


def parameters(result: dict[str, Any]) -> dict[str, Any]:
    """A result's parameters by key; those without a value are None."""
    return {item["Key"]: item.get("Value") for item in result["ResultParameters"]["ResultParameter"]}
