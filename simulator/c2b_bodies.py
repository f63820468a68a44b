"""The body of C2B validations and confirmations, in each of the forms the operator has used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from simulator.identifiers import eat_digits
from simulator.money_in import MoneyIn
from simulator.shortcode_switches import ShortcodeSwitches


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerForm:
    """How the payer appears: `msisdn` clear, masked or hashed; `nulls` puts null in place of empty texts."""

    msisdn: str
    nulls: bool = False


def payer_form(switches: ShortcodeSwitches, *, version: str) -> PayerForm:
    """Daraja: v1 tells the number in clear, v2 its SHA-256; a switch of the shortcode says otherwise."""
    usual = "clear" if version == "v1" else "hashed"
    return PayerForm(msisdn=switches.msisdn or usual, nulls=switches.nulls)


def validation_body(money: MoneyIn, *, form: PayerForm) -> dict[str, str | None]:
    """Daraja: no balance yet, and whole amounts without decimals."""
    whole, cents = divmod(money.cents, 100)
    amount = f"{whole}.{cents:02}" if cents else f"{whole}"
    return _body(money, amount=amount, balance="", third_party_id="", form=form)


def confirmation_body(
    money: MoneyIn, *, balance_cents: int, third_party_id: str, form: PayerForm
) -> dict[str, str | None]:
    """Daraja: the new balance is told, and the reference the validation answered with comes back."""
    return _body(
        money,
        amount=decimal_text(money.cents),
        balance=decimal_text(balance_cents),
        third_party_id=third_party_id,
        form=form,
    )


def decimal_text(cents: int) -> str:
    """KES with two decimals: -1550 is `-15.50`."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02}"


def _body(money: MoneyIn, *, amount: str, balance: str, third_party_id: str, form: PayerForm) -> dict[str, str | None]:
    """Daraja: a till's payments carry the till as shortcode and no account number."""
    nothing = None if form.nulls else ""
    return {
        "TransactionType": "Buy Goods" if money.is_goods else "Pay Bill",
        "TransID": money.receipt,
        "TransTime": eat_digits(money.decided_at),
        "TransAmount": amount,
        "BusinessShortCode": money.till or money.shortcode,
        "BillRefNumber": "" if money.is_goods else money.reference,
        "InvoiceNumber": nothing,
        "OrgAccountBalance": balance,
        "ThirdPartyTransID": third_party_id or nothing,
        "MSISDN": _msisdn(money.phone, form=form.msisdn),
        **_names(money.name, only_first=form.msisdn == "masked"),
    }


def _msisdn(phone: str, *, form: str) -> str:
    if form == "masked":
        return f"{phone[:4]} ***** {phone[-3:]}"
    return hashlib.sha256(phone.encode()).hexdigest() if form == "hashed" else phone


def _names(name: str, *, only_first: bool) -> dict[str, str]:
    """Daraja: with a masked number only the first name is filled."""
    first, *others = name.split(maxsplit=2) or [""]
    middle, last = ("", *others)[-2:] if others else ("", "")
    if only_first:
        middle = last = ""
    return {"FirstName": first, "MiddleName": middle, "LastName": last}
