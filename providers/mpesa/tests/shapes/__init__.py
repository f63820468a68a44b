"""The bodies Daraja is known to send, one file each; all values are made up."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from providers.mpesa.config import MpesaConfig

FOLDER = Path(__file__).parent
CHECKOUT_ID = "ws_CO_14112026103046312708374149"
MERCHANT_REQUEST_ID = "7c1e-4d52-9b07-3fa2c61d8e0512894"
CREDENTIAL = "Zm9yIGRlbW9uc3RyYXRpb24gb25seSAtIDM0NCBjaGFyYWN0ZXJzIGluIHJlYWwgbGlmZQ=="


def shape(name: str) -> bytes:
    """The body in `name`.json."""
    return (FOLDER / f"{name}.json").read_bytes()


def make_config(base_url: str = "https://sandbox.safaricom.co.ke", **changes: Any) -> MpesaConfig:
    """A paybill of the sandbox, with an API user."""
    config = MpesaConfig(
        base_url=base_url,
        consumer_key="contract-consumer-key",
        consumer_secret="contract-consumer-secret",
        shortcode="600987",
        passkey="contract-passkey",
        till=None,
        environment="sandbox",
        simulated=False,
        initiator_name="onpointapi",
        security_credential=CREDENTIAL,
    )
    return replace(config, **changes)
