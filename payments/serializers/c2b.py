"""Money payers send by themselves, as JSON in and out: accounts, receipts, claims."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.serializers import TextField
from onpoint_pay import openapi_texts_c2b as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.pages import PageSerializer
from payments.matching import fold
from payments.models import C2bAccount, C2bClaim, C2bReceipt
from payments.serializers.fields import AmountField, FlagField, PhoneField, fail, stamp
from payments.states import C2B_SOURCES, C2B_STATES, VERIFICATIONS

LONGEST_CODE, MOST_ALIASES = 20, 20


class CodeField(TextField):
    """What a payer types as account number: at least three letters or digits among at most 20 characters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_CODE, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if not 3 <= len(fold(code)) <= LONGEST_CODE:
            raise fail("parameter_invalid", "A code has at least three letters or digits, and at most 20 characters.")
        return code


# --- what comes in ----------------------------------------------------------------------------------------------------


@extend_schema_serializer(examples=[OpenApiExample("Another name, and no phone", value=texts.ACCOUNT_CHANGES_EXAMPLE)])
class AccountChangesSerializer(InputSerializer):
    """What may change of an account; null clears. Its code is on invoices and in payers' phones, and stays."""

    name = TextField(required=False, max_length=120)
    customer = TextField(required=False, max_length=64, allow_null=True)
    phone = PhoneField(required=False, max_length=32, allow_null=True, help_text="The usual payer's, to recognise.")
    expected_amount = AmountField(required=False, allow_null=True, help_text="What is asked for; other amounts count.")
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    aliases = serializers.ListField(
        child=CodeField(), required=False, max_length=MOST_ALIASES, help_text="Other texts that mean this account."
    )

    def validate_customer(self, value: str) -> str | None:
        return value or None

    def validate_expected_amount(self, value: str | None) -> Money | None:
        money = None if value is None else Money.parse(value)
        if money is not None and not money.is_positive:
            raise fail("amount_too_small", "The expected amount must be more than zero.")
        return money


@extend_schema_serializer(
    examples=[
        OpenApiExample("A number of the gateway's making", value=texts.NEW_ACCOUNT_EXAMPLE),
        OpenApiExample("Your own", value=texts.OWN_CODE_EXAMPLE),
    ]
)
class NewAccountSerializer(AccountChangesSerializer):
    """A new account; without a `code` the gateway makes one of eight digits, in which a wrong digit shows."""

    code = CodeField(required=False)
    name = TextField(max_length=120)


@extend_schema_serializer(
    examples=[
        OpenApiExample("An account's", value=texts.MATCH_EXAMPLE),
        OpenApiExample("A payment's", value=texts.MATCH_PAYMENT_EXAMPLE),
    ]
)
class MatchSerializer(InputSerializer):
    """Whose money it is: one of both."""

    account = serializers.CharField(required=False, max_length=40, help_text="acc_…")
    payment = serializers.CharField(required=False, max_length=40, help_text="pay_…: one that waits for money.")
    learn = FlagField(required=False, default=True, help_text="Know the same text of the same payer next time.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return one_target(attrs)


@extend_schema_serializer(examples=[OpenApiExample("With the reason", value=texts.UNMATCH_EXAMPLE)])
class UnmatchSerializer(InputSerializer):
    """Why the match is taken back."""

    reason = TextField(required=False, max_length=255, default="")


@extend_schema_serializer(
    examples=[
        OpenApiExample("By the SMS, for an account", value=texts.CLAIM_SMS_EXAMPLE),
        OpenApiExample("By the receipt, for a payment", value=texts.CLAIM_RECEIPT_EXAMPLE),
    ]
)
class NewClaimSerializer(InputSerializer):
    """Whose a receipt is: its code, or the SMS it stands in, and one account or payment."""

    receipt = TextField(required=False, max_length=64, help_text="TK60708BHZ")
    sms = serializers.CharField(required=False, max_length=4000, help_text="The payer's SMS as it is, lines and all.")
    account = serializers.CharField(required=False, max_length=40, help_text="acc_…")
    payment = serializers.CharField(required=False, max_length=40, help_text="pay_…")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("receipt" in attrs) == ("sms" in attrs):
            raise fail("parameter_invalid", "Send the receipt or the SMS, one of both.")
        return one_target(attrs)


def one_target(attrs: dict[str, Any]) -> dict[str, Any]:
    if ("account" in attrs) == ("payment" in attrs):
        raise fail("parameter_invalid", "Name an account or a payment, one of both.")
    return attrs


# --- what goes out ----------------------------------------------------------------------------------------------------


def account_body(account: C2bAccount) -> dict[str, Any]:
    """The account as merchants see it."""
    expected = account.expected_amount
    return {
        "id": to_public("acc", account.id),
        "object": "c2b_account",
        "livemode": account.mode == LIVE,
        "code": account.code,
        "name": account.name,
        "shortcode": account.shortcode,
        "provider": account.provider,
        "customer": account.customer,
        "phone": account.phone,
        "expected_amount": None if expected is None else Money(expected).decimal_text(),
        "currency": "KES",
        "aliases": account.aliases,
        "status": "open" if account.is_open else "closed",
        "expires_at": stamp(account.expires_at),
        "created_by": account.created_by,
        "created_at": stamp(account.created_at),
        "version": account.version,
    }


def receipt_body(row: C2bReceipt) -> dict[str, Any]:
    """The receipt as its merchant sees it. Needs `provider_account` for tills."""
    is_shared = row.provider_account is None or row.provider_account.merchant_id is None
    balance = None if row.float_after is None or is_shared else Money(row.float_after, row.currency)
    return {
        "id": to_public("c2b", row.id),
        "object": "c2b_receipt",
        "livemode": row.mode == LIVE,
        "receipt": row.receipt,
        "shortcode": row.shortcode,
        "till": row.provider_account.till if row.provider_account else None,
        "amount": Money(row.amount, row.currency).decimal_text(),
        "currency": row.currency,
        "bill_ref": row.bill_ref,
        "payer_phone": row.phone or row.phone_masked,
        "phone_hash": row.phone_hash,
        "payer_name": row.payer_name,
        "occurred_at": stamp(row.occurred_at),
        "received_at": stamp(row.received_at),
        "source": row.source,
        "verification": row.verification,
        "verified_by": row.verified_by,
        "match": match_body(row),
        "suggestions": [suggestion_body(each) for each in row.suggestions],
        "org_balance": balance.decimal_text() if balance else None,
        "created_at": stamp(row.received_at),
        "version": row.version,
    }


def match_body(row: C2bReceipt) -> dict[str, Any]:
    """Where the money is, and why. Without an owner, rule, score and reason are those of the best suggestion."""
    return {
        "state": row.state,
        "account": None if row.account_id is None else to_public("acc", row.account_id),
        "payment": None if row.payment_id is None else to_public("pay", row.payment_id),
        "invoice": None,
        "score": None if row.score is None else f"{row.score:.2f}",
        "rule": row.rule,
        "reason": row.reason,
        "reason_sw": row.reason_sw,
        "decided_by": row.decided_by,
    }


def suggestion_body(kept: dict[str, Any]) -> dict[str, Any]:
    """One stored suggestion: `type` and `id` name the account or payment."""
    return {name: kept[name] for name in ("type", "id", "score", "rule", "reason", "reason_sw")}


def claim_body(claim: C2bClaim) -> dict[str, Any]:
    """The claim as the one who made it sees it."""
    return {
        "id": to_public("clm", claim.id),
        "object": "c2b_claim",
        "livemode": claim.mode == LIVE,
        "receipt": claim.receipt,
        "account": None if claim.account_id is None else to_public("acc", claim.account_id),
        "payment": None if claim.payment_id is None else to_public("pay", claim.payment_id),
        "c2b_receipt": None if claim.c2b_receipt_id is None else to_public("c2b", claim.c2b_receipt_id),
        "status": claim.status,
        "reason": claim.reason,
        "created_by": claim.created_by,
        "created_at": stamp(claim.created_at),
        "closed_at": stamp(claim.closed_at),
        "version": claim.version,
    }


# --- its description --------------------------------------------------------------------------------------------------


@extend_schema_serializer(examples=[OpenApiExample("Open", value=texts.ACCOUNT_EXAMPLE)])
class C2bAccountSerializer(serializers.Serializer[Any]):
    """What a payer types as account number, and whom the money then belongs to."""

    id = serializers.CharField()
    object = serializers.CharField(default="c2b_account")
    livemode = serializers.BooleanField()
    code = serializers.CharField()
    name = serializers.CharField()
    shortcode = serializers.CharField()
    provider = serializers.CharField()
    customer = serializers.CharField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    expected_amount = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    aliases = serializers.ListField(child=serializers.CharField())
    status = serializers.CharField(help_text="open or closed.")
    expires_at = serializers.DateTimeField(allow_null=True)
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class C2bMatchSerializer(serializers.Serializer[Any]):
    """Where the money is, and why."""

    state = serializers.ChoiceField(choices=C2B_STATES)
    account = serializers.CharField(allow_null=True)
    payment = serializers.CharField(allow_null=True)
    invoice = serializers.CharField(allow_null=True)
    score = serializers.CharField(allow_null=True)
    rule = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    reason_sw = serializers.CharField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("A slip of the finger", value=texts.SUGGESTION_EXAMPLE)])
class C2bSuggestionSerializer(serializers.Serializer[Any]):
    """Whose the money may be."""

    type = serializers.ChoiceField(choices=["account", "payment"])
    id = serializers.CharField()
    score = serializers.CharField()
    rule = serializers.CharField()
    reason = serializers.CharField()
    reason_sw = serializers.CharField()


@extend_schema_serializer(
    examples=[
        OpenApiExample("Matched", value=texts.MATCHED_EXAMPLE),
        OpenApiExample("A person decides", value=texts.SUGGESTED_EXAMPLE),
    ]
)
class C2bReceiptSerializer(serializers.Serializer[Any]):
    """Money that reached a shortcode, one for each receipt of the network."""

    id = serializers.CharField()
    object = serializers.CharField(default="c2b_receipt")
    livemode = serializers.BooleanField()
    receipt = serializers.CharField()
    shortcode = serializers.CharField()
    till = serializers.CharField(allow_null=True)
    amount = serializers.CharField()
    currency = serializers.CharField()
    bill_ref = serializers.CharField(allow_blank=True)
    payer_phone = serializers.CharField(allow_null=True)
    phone_hash = serializers.CharField(allow_null=True)
    payer_name = serializers.CharField(allow_null=True)
    occurred_at = serializers.DateTimeField(allow_null=True)
    received_at = serializers.DateTimeField()
    source = serializers.ChoiceField(choices=C2B_SOURCES)  # type: ignore[assignment]
    verification = serializers.ChoiceField(choices=VERIFICATIONS)
    verified_by = serializers.CharField(allow_null=True)
    match = C2bMatchSerializer()
    suggestions = C2bSuggestionSerializer(many=True)
    org_balance = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


@extend_schema_serializer(
    examples=[
        OpenApiExample("Being looked for", value=texts.PENDING_CLAIM_EXAMPLE),
        OpenApiExample("Accepted", value=texts.ACCEPTED_CLAIM_EXAMPLE),
    ]
)
class C2bClaimSerializer(serializers.Serializer[Any]):
    """Somebody's word that a receipt is theirs, and what became of it."""

    id = serializers.CharField()
    object = serializers.CharField(default="c2b_claim")
    livemode = serializers.BooleanField()
    receipt = serializers.CharField()
    account = serializers.CharField(allow_null=True)
    payment = serializers.CharField(allow_null=True)
    c2b_receipt = serializers.CharField(allow_null=True)
    status = serializers.CharField(help_text="pending, accepted or refused.")
    reason = serializers.CharField(allow_null=True)
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class C2bAccountListSerializer(PageSerializer):
    data = C2bAccountSerializer(many=True)  # type: ignore[assignment]


class C2bReceiptListSerializer(PageSerializer):
    data = C2bReceiptSerializer(many=True)  # type: ignore[assignment]


class C2bSuggestionListSerializer(PageSerializer):
    data = C2bSuggestionSerializer(many=True)  # type: ignore[assignment]


class C2bClaimListSerializer(PageSerializer):
    data = C2bClaimSerializer(many=True)  # type: ignore[assignment]
