"""What the operator says when it says no: every refusal with its HTTP status, code, text and body."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

_FAULT_CODE = "policies.ratelimit.SpikeArrestViolation"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way of being refused. A code of the API-management layer is rendered as its bare `fault` object."""

    status: int
    code: str
    message: str

    def render(self, request_id: str) -> Response:
        return JSONResponse(self.body(request_id), status_code=self.status)

    def body(self, request_id: str) -> dict[str, object]:
        if self.code == _FAULT_CODE:
            return {"fault": {"faultstring": self.message, "detail": {"errorcode": self.code}}}
        return {"requestId": request_id, "errorCode": self.code, "errorMessage": self.message}


class Refused(Exception):
    """Raised where a request is turned down; the server answers with the refusal it carries."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def invalid_field(name: str) -> Refusal:
    """400.002.02 naming the field. Daraja: an absent TransactionDesc is called `Remarks`."""
    return Refusal(400, "400.002.02", f"Bad Request - Invalid {name}")


def method_not_allowed(method: str) -> Refusal:
    return Refusal(405, "405.001", f"{method} Method Not Allowed")


def invalid_access_token_401(token: str) -> Refusal:
    """Daraja: B2C and account balance print the token they refuse."""
    return Refusal(401, "401.002.01", f"Error Occurred - Invalid Access Token - {token}")


INVALID_AUTHENTICATION = Refusal(400, "400.008.01", "Invalid Authentication passed")
INVALID_GRANT_TYPE = Refusal(400, "400.008.02", "Invalid grant type passed")
INVALID_PAYLOAD = Refusal(400, "400.002.05", "Invalid Request Payload")
INVALID_ACCESS_TOKEN = Refusal(401, "404.001.03", "Invalid Access Token")
INVALID_ACCESS_TOKEN_400 = Refusal(400, "400.003.01", "Invalid Access Token")
INVALID_AUTHENTICATION_HEADER = Refusal(404, "404.001.04", "Invalid Authentication Header")
RESOURCE_NOT_FOUND = Refusal(404, "404.001.01", "Resource not found")
RESOURCE_NOT_FOUND_C2B = Refusal(404, "404.003.01", "Resource not found")
NO_APIPRODUCT = Refusal(
    401, "401.003.01", "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found"
)

MERCHANT_DOES_NOT_EXIST = Refusal(500, "500.001.1001", "Merchant does not exist")
WRONG_CREDENTIALS = Refusal(500, "500.001.1001", "[MerchantValidate] - Wrong credentials")
SUBSCRIBER_LOCKED = Refusal(
    500,
    "500.001.1001",
    "Unable to lock subscriber, a transaction is already in process for the current subscriber",
)
BEING_PROCESSED = Refusal(500, "500.001.1001", "The transaction is being processed")
UNKNOWN_TRANSACTION = Refusal(500, "500.001.1001", "The transaction does not exist")

DUPLICATE_ORIGINATOR = Refusal(500, "500.002.1001", "Duplicate OriginatorConversationID.")
INTERNAL_ERROR = Refusal(500, "500.003.1001", "Internal Server Error")
URLS_ALREADY_REGISTERED = Refusal(500, "500.003.1001", "Urls are already registered")
SYSTEM_BUSY = Refusal(500, "500.003.02", "System is busy. Please try again in few minutes.")
SPIKE_ARREST = Refusal(500, "500.003.02", "Error Occurred: Spike Arrest Violation")
SPIKE_ARREST_429 = Refusal(429, "500.003.02", "Error Occurred: Spike Arrest Violation")
QUOTA_VIOLATION = Refusal(500, "500.003.03", "Error Occurred: Quota Violation")
GATEWAY_FAULT = Refusal(
    429,
    _FAULT_CODE,
    "Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=10, "
    "periodInMicroseconds=1000000, maxBurstMessageCount=1.0}",
)
