"""The books as JSON."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.serializers import AmountField, CurrencyField
from onpoint_pay import openapi_texts_money as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.pages import PageSerializer
from settlements.models import LedgerAccount, LedgerEntry, LedgerTransfer

SIDES = {"D": "debit", "C": "credit"}
FAULTS = ("account_differs_from_entries", "running_balance_broken", "transfer_not_balanced")


def numbered(prefix: str, number: int) -> str:
    """The public id of a row that has a number for its key."""
    return to_public(prefix, UUID(int=number))


def balance_body(caller: Caller, balances: Mapping[str, Mapping[str, int]], *, at: datetime) -> dict[str, Any]:
    shown = {
        name: {currency: Money(minor, currency).decimal_text() for currency, minor in sorted(by_currency.items())}
        for name, by_currency in balances.items()
    }
    return {"object": "balance", "livemode": caller.livemode, "at": rfc3339(at), **shown}


def account_body(account: LedgerAccount) -> dict[str, Any]:
    """An account as its merchant sees it. Amounts are decimal texts in major units."""
    return {
        "id": numbered("led", account.pk),
        "object": "ledger_account",
        "livemode": account.mode == LIVE,
        "kind": account.kind,
        "sub": account.sub,
        "currency": account.currency,
        "normal_side": SIDES[account.normal],
        "balance": _balance(account, account.debits, account.credits),
        "debits": Money(account.debits, account.currency).decimal_text(),
        "credits": Money(account.credits, account.currency).decimal_text(),
        "entries": account.version,
    }


def entry_body(entry: LedgerEntry) -> dict[str, Any]:
    """One line on an account of the merchant's own, with the balance after it."""
    return {
        "id": numbered("ent", entry.pk),
        "object": "ledger_entry",
        "livemode": entry.mode == LIVE,
        "account": numbered("led", entry.account_id),
        "kind": entry.account.kind,
        "sub": entry.account.sub,
        "side": SIDES[entry.side],
        "amount": Money(entry.amount, entry.currency).decimal_text(),
        "currency": entry.currency,
        "balance_after": _balance(entry.account, entry.debits_after, entry.credits_after),
        "transfer": to_public("trf", entry.transfer_id),
        "transfer_kind": entry.transfer.kind,
        "posted_at": rfc3339(entry.transfer.posted_at),
    }


def transfer_body(transfer: LedgerTransfer, entries: Iterable[LedgerEntry]) -> dict[str, Any]:
    """A transfer and all its lines; those on the platform's accounts without which row of them it was."""
    return {
        "id": to_public("trf", transfer.id),
        "object": "ledger_transfer",
        "livemode": transfer.mode == LIVE,
        "kind": transfer.kind,
        "source": transfer.idem,
        "currency": transfer.currency,
        "reverses": to_public("trf", transfer.reverses_id) if transfer.reverses_id else None,
        "reason": transfer.reason,
        "occurred_at": rfc3339(transfer.occurred_at),
        "posted_at": rfc3339(transfer.posted_at),
        "lines": [_line(entry) for entry in entries],
    }


def verification_body(found: Mapping[str, Any], *, start: datetime, end: datetime) -> dict[str, Any]:
    """`from` included, `to` excluded."""
    fault = None
    if found["fault"]:
        fault = {
            "fault": found["fault"],
            "account": numbered("led", found["account"]) if found["account"] else None,
            "entry": numbered("ent", found["entry"]) if found["entry"] else None,
            "transfer": to_public("trf", found["transfer"]) if found["transfer"] else None,
        }
    return {
        "object": "ledger_verification",
        "ok": fault is None,
        "from": rfc3339(start),
        "to": rfc3339(end),
        "accounts": found["accounts"],
        "entries": found["entries"],
        "first_fault": fault,
    }


def _line(entry: LedgerEntry) -> dict[str, Any]:
    is_own = entry.account.merchant_id is not None
    return {
        "account": numbered("led", entry.account_id) if is_own else None,
        "kind": entry.account.kind,
        "side": SIDES[entry.side],
        "amount": Money(entry.amount, entry.currency).decimal_text(),
    }


def _balance(account: LedgerAccount, debits: int, credits: int) -> str:
    minor = credits - debits if account.normal == "C" else debits - credits
    return Money(minor, account.currency).decimal_text()


# --- for the document -------------------------------------------------------------------------------------------------


def amounts(words: str) -> serializers.DictField:
    return serializers.DictField(child=serializers.CharField(), help_text=words)


@extend_schema_serializer(examples=[OpenApiExample("A balance", value=texts.BALANCE_EXAMPLE)])
class BalanceSerializer(serializers.Serializer[Any]):
    """Amounts by currency, decimal texts in major units, all of one instant."""

    object = serializers.CharField(default="balance")
    livemode = serializers.BooleanField()
    at = serializers.DateTimeField()
    available = amounts("Can be paid out or refunded from.")
    pending = amounts("Captured and not yet released.")
    reserved = amounts("Kept back: rolling reserve and disputes.")
    in_flight = amounts("Promised to payers or on its way to you, and not yet confirmed.")
    owed = amounts("Your debt, repaid first out of what is released.")
    suspense = amounts("On shortcodes of your own, and without an owner yet.")


@extend_schema_serializer(examples=[OpenApiExample("Pending money", value=texts.LEDGER_ACCOUNT_EXAMPLE)])
class LedgerAccountSerializer(serializers.Serializer[Any]):
    """One named balance. Several of a kind are told apart by `sub`; the balance of the kind is their sum."""

    id = serializers.CharField()
    object = serializers.CharField(default="ledger_account")
    livemode = serializers.BooleanField()
    kind = serializers.CharField()
    sub = serializers.CharField()
    currency = serializers.CharField()
    normal_side = serializers.ChoiceField(choices=tuple(SIDES.values()))
    balance = serializers.CharField()
    debits = serializers.CharField()
    credits = serializers.CharField()
    entries = serializers.IntegerField()


@extend_schema_serializer(examples=[OpenApiExample("A capture", value=texts.LEDGER_ENTRY_EXAMPLE)])
class LedgerEntrySerializer(serializers.Serializer[Any]):
    """One line of a transfer. `balance_after` is of its own account."""

    id = serializers.CharField()
    object = serializers.CharField(default="ledger_entry")
    livemode = serializers.BooleanField()
    account = serializers.CharField()
    kind = serializers.CharField()
    sub = serializers.CharField()
    side = serializers.ChoiceField(choices=tuple(SIDES.values()))
    amount = serializers.CharField()
    currency = serializers.CharField()
    balance_after = serializers.CharField()
    transfer = serializers.CharField()
    transfer_kind = serializers.CharField()
    posted_at = serializers.DateTimeField()


class LedgerLineSerializer(serializers.Serializer[Any]):
    account = serializers.CharField(allow_null=True, help_text="Null for an account of the platform.")
    kind = serializers.CharField()
    side = serializers.ChoiceField(choices=tuple(SIDES.values()))
    amount = serializers.CharField()


@extend_schema_serializer(examples=[OpenApiExample("A capture", value=texts.LEDGER_TRANSFER_EXAMPLE)])
class LedgerTransferSerializer(serializers.Serializer[Any]):
    """One business fact: lines whose debits equal their credits. `source` names the fact and is never used twice."""

    id = serializers.CharField()
    object = serializers.CharField(default="ledger_transfer")
    livemode = serializers.BooleanField()
    kind = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    currency = serializers.CharField()
    reverses = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    occurred_at = serializers.DateTimeField()
    posted_at = serializers.DateTimeField()
    lines = LedgerLineSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("Enough for a few payouts", value=texts.TRIAL_MONEY)])
class TrialMoneySerializer(InputSerializer):
    """How much, in test mode."""

    amount = AmountField(help_text="In major units, 1,000,000.00 at most.")
    currency = CurrencyField(choices=["KES"], default="KES")


class LedgerFaultSerializer(serializers.Serializer[Any]):
    fault = serializers.ChoiceField(choices=FAULTS)
    account = serializers.CharField(allow_null=True)
    entry = serializers.CharField(allow_null=True)
    transfer = serializers.CharField(allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("All is well", value=texts.VERIFICATION_EXAMPLE)])
class VerificationSerializer(serializers.Serializer[Any]):
    """Accounts compared with their entries. The range includes `from` and excludes `to`."""

    object = serializers.CharField(default="ledger_verification")
    ok = serializers.BooleanField()
    to = serializers.DateTimeField()
    accounts = serializers.IntegerField()
    entries = serializers.IntegerField()
    first_fault = LedgerFaultSerializer(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {"from": serializers.DateTimeField(), **super().get_fields()}


class LedgerAccountListSerializer(PageSerializer):
    """A page of accounts."""

    data = LedgerAccountSerializer(many=True)  # type: ignore[assignment]


class LedgerEntryListSerializer(PageSerializer):
    """A page of entries."""

    data = LedgerEntrySerializer(many=True)  # type: ignore[assignment]
