"""The picture that a payer scans to pay the shortcode (Dynamic QR): its request, and the picture in the answer."""

import base64
import binascii

from providers.errors import ProviderTimeout
from providers.mpesa.answers import trouble, whole_shillings
from providers.mpesa.config import MpesaConfig
from providers.mpesa.gateway import GatewayAnswer
from providers.mpesa.values import clean_reference, clean_words
from providers.strict_json import JsonObject
from providers.types import CodeRequest

LONGEST_PAYEE = 50
_TO_TILL, _TO_PAYBILL = "BG", "PB"
_PNG = b"\x89PNG\r\n\x1a\n"


def code_document(request: CodeRequest, config: MpesaConfig) -> JsonObject:
    """Without an amount the payer enters it. Raises ProviderRejected for cents and other currencies."""
    document: JsonObject = {
        "MerchantName": clean_words(request.payee, longest=LONGEST_PAYEE) or "Payment",
        "RefNo": clean_reference(request.account_reference) or clean_reference(request.payee) or "Payment",
        "TrxCode": _TO_TILL if config.till else _TO_PAYBILL,
        "CPI": config.till or config.shortcode,
        "Size": str(request.size_pixels),
    }
    return document if request.amount is None else document | {"Amount": whole_shillings(request.amount)}


def picture(answer: GatewayAnswer) -> bytes:
    """The PNG. Daraja: the codes in this answer vary, so the picture alone tells that it worked.

    Raises ProviderRejected for a definite refusal, ProviderTimeout for everything else without a picture.
    """
    told = (answer.document or {}).get("QRCode")
    if answer.status != 200 or not isinstance(told, str):
        raise trouble(answer)
    try:
        found = base64.b64decode(told, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found.startswith(_PNG):
        raise ProviderTimeout("the answer holds no PNG", raw=answer.kept)
    return found
