"""Provider accounts, their checks and their registration as JSON, in and out. Secrets only come in."""

import re
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.models import ProviderAccount
from merchants.serializers.fields import PasswordField, PhoneField, TextField, fail, optional, stamp
from onpoint_pay import openapi_texts_accounts as texts
from onpoint_pay.kit.api import DecimalText, InputSerializer
from onpoint_pay.kit.crypto import CannotOpen
from onpoint_pay.kit.pages import PageSerializer
from onpoint_pay.kit.redact import mask_phone

PROVIDERS = ["daraja"]
C2B_VERSIONS = ["v2", "v1"]
NUMBER = re.compile(r"[0-9]{5,7}")
LONGEST_CERTIFICATE = 16_384
SECRET_NAMES = ("consumer_key", "consumer_secret", "passkey", "initiator_password", "security_credential")

# --- what comes in ----------------------------------------------------------------------------------------------------


class ShortcodeField(TextField):
    """Five to seven digits."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not NUMBER.fullmatch(text):
            raise fail("parameter_invalid", "Shortcodes and tills have five to seven digits.")
        return text


class CertificateField(serializers.CharField):
    """An X.509 certificate with an RSA key as PEM text; its dates are not looked at, as Safaricom's are long past."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return "" if data is None else super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or isinstance(data, DecimalText):
            raise fail("parameter_invalid", "The certificate is PEM text.")
        text = super().to_internal_value(data).replace("\r\n", "\n")
        try:
            key = x509.load_pem_x509_certificate(text.encode()).public_key()
        except Exception:  # noqa: BLE001 - whatever cannot be read is no certificate
            raise fail("parameter_invalid", "This is not an X.509 certificate in PEM form.") from None
        if not isinstance(key, RSAPublicKey):
            raise fail("parameter_invalid", "The certificate must have an RSA key.")
        return text


def secret(max_length: int, **options: Any) -> TextField:
    return TextField(max_length=max_length, write_only=True, required=False, **options)


class CredentialsSerializer(InputSerializer):
    """What an account may have from the start or later."""

    consumer_key = secret(200, min_length=8, help_text="Of the app in the provider's portal.")
    consumer_secret = secret(200, min_length=8)
    passkey = secret(200, allow_null=True, help_text="Comes with the shortcode; prompts need it.")
    initiator_name = optional(80, help_text="API user that reverses, pays out and asks about transactions.")
    initiator_password = PasswordField(
        required=False, allow_null=True, help_text="Encrypted with `certificate` for every request."
    )
    security_credential = secret(
        1024, allow_null=True, help_text="The finished credential, instead of password and certificate."
    )
    certificate = CertificateField(
        required=False, allow_null=True, max_length=LONGEST_CERTIFICATE, help_text="The operator's, as PEM text."
    )
    c2b_version = serializers.ChoiceField(
        choices=C2B_VERSIONS, required=False, help_text="Of the C2B product attached to the app."
    )
    validation_default = serializers.ChoiceField(
        choices=ProviderAccount.Silence.values,
        required=False,
        help_text="What becomes of a payer's wish to pay that cannot be checked in time.",
    )
    partial_reversals = serializers.BooleanField(
        required=False, help_text="Whether the provider takes back a part of a payment for this shortcode."
    )
    pull_phone = PhoneField(
        max_length=24,
        required=False,
        allow_null=True,
        write_only=True,
        help_text="Registered with the provider for the list of money received.",
    )
    is_default = serializers.BooleanField(required=False, help_text="Serves payments that name no account.")


@extend_schema_serializer(examples=[OpenApiExample("A passkey that came later", value=texts.CHANGES_EXAMPLE)])
class ProviderAccountChangesSerializer(CredentialsSerializer):
    """Absent fields stay as they are; null clears. Shortcode, till and environment never change."""

    name = TextField(max_length=80, required=False)
    is_active = serializers.BooleanField(required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample("A paybill", value=texts.NEW_PAYBILL_EXAMPLE),
        OpenApiExample("A till", value=texts.NEW_TILL_EXAMPLE),
    ]
)
class NewProviderAccountSerializer(CredentialsSerializer):
    """A shortcode to be connected in the mode of the request. For a till, `shortcode` is its store number."""

    provider = serializers.ChoiceField(choices=PROVIDERS, default=PROVIDERS[0])
    name = TextField(max_length=80)
    kind = serializers.ChoiceField(choices=ProviderAccount.Kind.values)
    environment = serializers.ChoiceField(
        choices=ProviderAccount.Environment.values,
        required=False,
        help_text="`production` in live mode; `sandbox` (the default) or `simulator` in test mode.",
    )
    shortcode = ShortcodeField(max_length=12, help_text="The paybill, or the store or head-office number of a till.")
    till = ShortcodeField(max_length=12, required=False, help_text="The number payers pay, for a till only.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_till, till = attrs["kind"] == ProviderAccount.Kind.TILL, attrs.get("till")
        if is_till and not till:
            raise serializers.ValidationError({"till": "A till has a number."}, code="parameter_missing")
        if is_till and till == attrs["shortcode"]:
            detail = "The till is the number that is paid; shortcode is the store or head-office number behind it."
            raise serializers.ValidationError({"till": detail}, code="parameter_invalid")
        if till and not is_till:
            raise serializers.ValidationError({"till": "Only a till has this."}, code="parameter_invalid")
        return attrs


# --- what goes out ----------------------------------------------------------------------------------------------------


def held_secrets(account: ProviderAccount) -> dict[str, str]:
    """What the row holds; nothing when it cannot be opened, as after the loss of an encryption key."""
    try:
        return account.open_secrets()
    except CannotOpen:
        return {}


def provider_account_body(account: ProviderAccount) -> dict[str, Any]:
    """Of the secrets it tells which are set, and how the consumer key ends."""
    held = held_secrets(account)
    credentials: dict[str, Any] = {name: name in held for name in SECRET_NAMES}
    credentials["consumer_key"] = f"…{account.consumer_key_last4}" if account.consumer_key_last4 else None
    credentials["certificate"] = bool(account.certificate)
    credentials["pull_phone"] = mask_phone(held["pull_phone"]) if "pull_phone" in held else None
    return {
        "id": account.public_id,
        "object": "provider_account",
        "livemode": account.livemode,
        "simulated": account.is_simulated,
        "provider": account.provider,
        "name": account.name,
        "kind": account.kind,
        "environment": account.environment,
        "shortcode": account.shortcode,
        "till": account.till,
        "credentials": credentials,
        "initiator_name": account.initiator_name or None,
        "c2b_version": account.c2b_version,
        "validation_default": account.validation_default,
        "partial_reversals": account.partial_reversals,
        "is_default": account.is_default,
        "is_active": account.is_active,
        "urls_registered_at": stamp(account.urls_registered_at),
        "pull_registered_at": stamp(account.pull_registered_at),
        "checked_at": stamp(account.checked_at),
        "check_status": (account.check_report or {}).get("status"),
        "created_by": account.created_by,
        "created_at": stamp(account.created_at),
        "version": account.version,
    }


def report_body(account: ProviderAccount) -> dict[str, Any]:
    """What the last check found."""
    report = account.check_report or {}
    return {
        "object": "doctor_report",
        "account": account.public_id,
        "livemode": account.livemode,
        "simulated": account.is_simulated,
        "status": report.get("status"),
        "checked_at": stamp(account.checked_at),
        "findings": report.get("findings", []),
    }


def registration_body(
    account: ProviderAccount, *, confirmation_url: str, validation_url: str, pull_note: str | None
) -> dict[str, Any]:
    return {
        "object": "c2b_registration",
        "account": account.public_id if account.merchant_id is not None else None,
        "livemode": account.livemode,
        "simulated": account.is_simulated,
        "shortcode": account.shortcode,
        "till": account.till,
        "confirmation_url": confirmation_url,
        "validation_url": validation_url,
        "validation_default": account.validation_default,
        "urls_registered_at": stamp(account.urls_registered_at),
        "pull_registered_at": stamp(account.pull_registered_at),
        "pull_note": pull_note,
    }


# --- the same for the OpenAPI document; a test holds the two together -------------------------------------------------


class HeldCredentialsSerializer(serializers.Serializer[Any]):
    """Which secrets are set; none of them is ever shown."""

    consumer_key = serializers.CharField(allow_null=True, help_text="Its last four characters.")
    consumer_secret = serializers.BooleanField()
    passkey = serializers.BooleanField()
    initiator_password = serializers.BooleanField()
    security_credential = serializers.BooleanField()
    certificate = serializers.BooleanField()
    pull_phone = serializers.CharField(allow_null=True, help_text="Masked.")


@extend_schema_serializer(examples=[OpenApiExample("Just connected", value=texts.ACCOUNT_EXAMPLE)])
class ProviderAccountSerializer(serializers.Serializer[Any]):
    """A merchant's own shortcode at a provider."""

    id = serializers.CharField()
    object = serializers.CharField(default="provider_account")
    livemode = serializers.BooleanField()
    simulated = serializers.BooleanField()
    provider = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=ProviderAccount.Kind.values)
    environment = serializers.ChoiceField(choices=ProviderAccount.Environment.values)
    shortcode = serializers.CharField()
    till = serializers.CharField(allow_null=True)
    credentials = HeldCredentialsSerializer()
    initiator_name = serializers.CharField(allow_null=True)
    c2b_version = serializers.ChoiceField(choices=C2B_VERSIONS)
    validation_default = serializers.ChoiceField(choices=ProviderAccount.Silence.values)
    partial_reversals = serializers.BooleanField()
    is_default = serializers.BooleanField()
    is_active = serializers.BooleanField()
    urls_registered_at = serializers.DateTimeField(allow_null=True)
    pull_registered_at = serializers.DateTimeField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    check_status = serializers.CharField(allow_null=True, help_text="ok, warning or failed, by the last check.")
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class ProviderAccountListSerializer(PageSerializer):
    data = ProviderAccountSerializer(many=True)  # type: ignore[assignment]


class FindingSerializer(serializers.Serializer[Any]):
    """One thing that was looked at. `fix` says what to do about it, and is empty when nothing is to be done."""

    check = serializers.CharField()
    status = serializers.CharField(help_text="ok, warning, failed or skipped.")
    detail = serializers.CharField()
    fix = serializers.CharField(allow_blank=True)


@extend_schema_serializer(examples=[OpenApiExample("Something to mend", value=texts.DOCTOR_EXAMPLE)])
class DoctorReportSerializer(serializers.Serializer[Any]):
    """What a check of an account found. No money moves for it."""

    object = serializers.CharField(default="doctor_report")
    account = serializers.CharField()
    livemode = serializers.BooleanField()
    simulated = serializers.BooleanField()
    status = serializers.CharField(help_text="ok, warning or failed: the worst of the findings.")
    checked_at = serializers.DateTimeField()
    findings = FindingSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("Registered", value=texts.REGISTRATION_EXAMPLE)])
class RegistrationSerializer(serializers.Serializer[Any]):
    """The addresses a provider sends payers' own payments to, without their secret part.

    `account` is null for the shortcode of the platform.
    """

    object = serializers.CharField(default="c2b_registration")
    account = serializers.CharField(allow_null=True)
    livemode = serializers.BooleanField()
    simulated = serializers.BooleanField()
    shortcode = serializers.CharField()
    till = serializers.CharField(allow_null=True)
    confirmation_url = serializers.CharField()
    validation_url = serializers.CharField()
    validation_default = serializers.ChoiceField(choices=ProviderAccount.Silence.values)
    urls_registered_at = serializers.DateTimeField()
    pull_registered_at = serializers.DateTimeField(allow_null=True)
    pull_note = serializers.CharField(
        allow_null=True, help_text="Why the list of money received is not enrolled; null when it is."
    )
