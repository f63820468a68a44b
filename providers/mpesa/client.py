"""Daraja's addresses, access token and headers; turns every failure of a call into sent, not sent or unclear."""

import base64
import hashlib
import json
from collections.abc import Mapping

from onpoint_pay.kit.http import HttpClient, HttpError, NotSent
from onpoint_pay.kit.tokens import TokenStore, TokenUnavailable
from providers.errors import ProviderTimeout, ProviderUnavailable
from providers.mpesa.config import MpesaConfig
from providers.mpesa.gateway import GatewayAnswer, Verdict, judge, refusal
from providers.strict_json import JsonObject, NotStrict, load_object

TOKEN_PATH = "/oauth/v1/generate?grant_type=client_credentials"  # noqa: S105 - an address, no secret
PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"
REVERSAL_PATH = "/mpesa/reversal/v1/request"
# Daraja: v3 takes an id of ours and refuses it a second time.
PAYOUT_PATH = "/mpesa/b2c/v3/paymentrequest"
STATUS_PATH = "/mpesa/transactionstatus/v1/query"
BALANCE_PATH = "/mpesa/accountbalance/v1/query"
CODE_PATH = "/mpesa/qrcode/v1/generate"
PULL_PATH = "/pulltransactions/v1/query"
PULL_REGISTER_PATH = "/pulltransactions/v1/register"
LONGEST_TOKEN = 4_096
LONGEST_LIFE_SECONDS = 86_400


class MpesaClient:
    """Calls Daraja for one set of credentials."""

    def __init__(self, config: MpesaConfig, *, tokens: TokenStore, http: HttpClient) -> None:
        self._config = config
        self._tokens = tokens
        self._http = http
        self._token_key = _token_key(config)

    def post(
        self,
        path: str,
        document: JsonObject,
        *,
        headers: Mapping[str, str],
        deadline_seconds: float | None = None,
    ) -> GatewayAnswer:
        """Send once; once more with a new token when the first was refused, which happens before M-Pesa sees anything.

        Raises ProviderUnavailable when nothing was sent, ProviderTimeout when no answer came, ProviderRejected when the
        credentials are refused.
        """
        body = json.dumps(document).encode()
        token = self._token(deadline_seconds)
        answer = self._send(path, body, token=token, headers=headers, deadline_seconds=deadline_seconds)
        if judge(answer).verdict is Verdict.BAD_TOKEN:
            self._tokens.drop(self._token_key, token)
            token = self._token(deadline_seconds)
            answer = self._send(path, body, token=token, headers=headers, deadline_seconds=deadline_seconds)
        return answer

    def check(self) -> None:
        """Prove the credentials by a token of their own; the one that others use stays where it is.

        Raises ProviderRejected when they are refused, ProviderUnavailable when nobody could tell.
        """
        self._fetch_token(None)

    def _send(
        self,
        path: str,
        body: bytes,
        *,
        token: str,
        headers: Mapping[str, str],
        deadline_seconds: float | None,
    ) -> GatewayAnswer:
        sent_headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
        try:
            answer = self._http.send(
                "POST", self._config.base_url + path, headers=sent_headers, body=body, deadline_seconds=deadline_seconds
            )
        except NotSent as error:
            raise ProviderUnavailable(str(error)) from error
        except HttpError as error:
            raise ProviderTimeout(str(error)) from error
        return _read(answer.status, answer.body)

    def _token(self, deadline_seconds: float | None) -> str:
        try:
            return self._tokens.get_or_fetch(self._token_key, lambda: self._fetch_token(deadline_seconds))
        except TokenUnavailable as error:
            raise ProviderUnavailable(str(error)) from error

    def _fetch_token(self, deadline_seconds: float | None) -> tuple[str, int]:
        """A new token and its life in seconds. Whatever goes wrong here, no money was asked for."""
        credentials = f"{self._config.consumer_key}:{self._config.consumer_secret}".encode()
        basic = base64.b64encode(credentials).decode()
        try:
            got = self._http.send(
                "GET",
                self._config.base_url + TOKEN_PATH,
                headers={"Authorization": f"Basic {basic}"},
                body=None,
                deadline_seconds=deadline_seconds,
            )
        except HttpError as error:
            raise ProviderUnavailable(f"no access token: {error}") from error
        answer = _read(got.status, got.body)
        ruling = judge(answer)
        # Daraja: a wrong key or secret answers 400 with an empty body.
        if (
            (answer.status == 400 and not answer.body.strip())
            or ruling.code.startswith("400.008.")
            or got.status == 401
        ):
            raise refusal(ruling, answer)
        token = answer.document.get("access_token") if answer.document and got.status == 200 else None
        if not isinstance(token, str) or not _is_header_text(token):
            raise ProviderUnavailable(f"no access token: HTTP {got.status} {ruling.code} {ruling.message}".strip())
        return token, _life_seconds((answer.document or {}).get("expires_in"))


def _read(status: int, body: bytes) -> GatewayAnswer:
    try:
        document = load_object(body)
    except NotStrict:
        return GatewayAnswer(status=status, document=None, body=body)
    return GatewayAnswer(status=status, document=document, body=body)


def _token_key(config: MpesaConfig) -> str:
    """One key for one set of credentials. The secret is part of it: knowing the consumer key alone shares no token."""
    parts = (config.base_url, config.consumer_key, config.consumer_secret)
    return f"mpesa:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


def _is_header_text(token: str) -> bool:
    return 0 < len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable() and " " not in token


def _life_seconds(value: object) -> int:
    """Daraja: text on the wire, a number in the documentation. What cannot be read counts as spent."""
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return min(int(text), LONGEST_LIFE_SECONDS) if text.isascii() and text.isdigit() and len(text) <= 6 else 0
