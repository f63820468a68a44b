"""Which class speaks to which provider: one line each."""

from typing import Any

from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.tokens import TokenStore
from providers.base import CallbackParser, Provider
from providers.errors import NotSupported
from providers.mpesa.callbacks import MpesaCallbacks
from providers.mpesa.provider import MpesaProvider

_PROVIDERS: dict[str, type[Provider]] = {MpesaProvider.code: MpesaProvider}
_PARSERS: dict[str, CallbackParser] = {MpesaCallbacks.code: MpesaCallbacks()}


def codes() -> list[str]:
    """Every provider there is."""
    return list(_PROVIDERS)


def get(code: str, config: Any, *, tokens: TokenStore, http: HttpClient) -> Provider:
    """The provider with these credentials; `config` is of its own class. Raises NotSupported for an unknown code."""
    if code not in _PROVIDERS:
        raise NotSupported(f"no provider is called {code}")
    return _PROVIDERS[code](config, tokens=tokens, http=http)


def parser_for(code: str) -> CallbackParser:
    """The reader of a provider's callbacks, which needs no credentials. Raises NotSupported for an unknown code."""
    if code not in _PARSERS:
        raise NotSupported(f"no provider is called {code}")
    return _PARSERS[code]
