"""The credentials and the settings of one M-Pesa shortcode."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

HOSTS: Final = {
    "sandbox": "https://sandbox.safaricom.co.ke",
    "production": "https://api.safaricom.co.ke",
}

# Daraja: the twelve documented sources of callbacks, and two more that libraries have met. There is no signature.
SAFARICOM_ADDRESSES: Final = frozenset({
    "196.201.214.200", "196.201.214.206", "196.201.214.207", "196.201.214.208", "196.201.213.114", "196.201.213.44",
    "196.201.212.127", "196.201.212.138", "196.201.212.129", "196.201.212.136", "196.201.212.74", "196.201.212.69",
    "196.201.212.128", "196.201.212.132",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MpesaConfig:
    """For a till, `shortcode` is the store or head-office number that went live and `till` the number that is paid.

    `phone_as_number` sends phones as JSON numbers, which some shortcodes have needed. `simulated` says that a
    simulator answers at `base_url`. Reversals, payouts and questions need `initiator_name` with the finished
    `security_credential`, or with `initiator_password` and the PEM `certificate` to make it with; in its place may
    stand a function that brings it, and may raise ProviderUnavailable.
    """

    base_url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    shortcode: str
    passkey: str = field(repr=False)
    till: str | None
    environment: str
    simulated: bool
    phone_as_number: bool = False
    initiator_name: str = ""
    initiator_password: str = field(default="", repr=False)
    certificate: str | Callable[[], str] = field(default="", repr=False)
    security_credential: str = field(default="", repr=False)
    c2b_version: str = "v2"
    callback_addresses: frozenset[str] = field(default=SAFARICOM_ADDRESSES, repr=False)
