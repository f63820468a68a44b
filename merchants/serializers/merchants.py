"""People and merchants as JSON, in and out."""

import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.models import Membership, Merchant, User
from merchants.selectors.find import has_two_factor
from merchants.serializers.fields import (
    ROLE,
    AmountFromZeroField,
    EmailField,
    PasswordField,
    PhoneField,
    TextField,
    fail,
    optional,
    stamp,
)
from onpoint_pay import openapi_texts_people as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.money import Money

KRA_PIN = re.compile(r"[A-Z][0-9]{9}[A-Z]")

# --- what comes in ------------------------------------------------------------------------------------------------


@extend_schema_serializer(examples=[OpenApiExample("A shop", value=texts.REGISTER_EXAMPLE)])
class RegisterSerializer(InputSerializer):
    """Somebody and their business."""

    business_name = TextField(max_length=120)
    email = EmailField(max_length=254)
    password = PasswordField(help_text="At least 12 characters, no common password, and not like the e-mail address.")
    phone = PhoneField(max_length=24)
    first_name = TextField(max_length=100)
    last_name = TextField(max_length=100)
    registration_number = optional(40)
    kra_pin = optional(11, help_text="A letter, nine digits, a letter.")
    address = optional(255)
    business_type = optional(60)
    website = optional(255, help_text="An http or https address.")

    def validate_kra_pin(self, value: str) -> str:
        pin = value.upper()
        if pin and not KRA_PIN.fullmatch(pin):
            raise fail("parameter_invalid", "A KRA PIN is a letter, nine digits and a letter, such as A123456789B.")
        return pin

    def validate_website(self, value: str) -> str:
        try:
            URLValidator(schemes=["http", "https"])(value or "https://example.com")
        except ValidationError:
            raise fail("parameter_invalid", "A website begins with http:// or https://.") from None
        return value


@extend_schema_serializer(examples=[OpenApiExample("A person", value=texts.LOGIN_EXAMPLE)])
class LoginSerializer(InputSerializer):
    email = EmailField(max_length=254)
    password = PasswordField()


@extend_schema_serializer(examples=[OpenApiExample("The refresh token", value=texts.REFRESH_EXAMPLE)])
class RefreshSerializer(InputSerializer):
    refresh = TextField(max_length=4096)


@extend_schema_serializer(examples=[OpenApiExample("A name, and no phone", value=texts.PROFILE_CHANGES_EXAMPLE)])
class ProfileChangesSerializer(InputSerializer):
    """Absent fields stay as they are; null clears the phone."""

    first_name = TextField(max_length=100, required=False)
    last_name = TextField(max_length=100, required=False)
    phone = PhoneField(max_length=24, required=False, allow_null=True)


@extend_schema_serializer(
    examples=[OpenApiExample("A second person above 5,000", value=texts.MERCHANT_CHANGES_EXAMPLE)]
)
class MerchantChangesSerializer(InputSerializer):
    """What a merchant changes about itself."""

    refund_approval_above = AmountFromZeroField(
        allow_null=True, help_text="A refund of more waits for a second person; null for no such limit, 0 for all."
    )


@extend_schema_serializer(examples=[OpenApiExample("A day to change over", value=texts.ROTATE_SECRET_EXAMPLE)])
class RotateSecretSerializer(InputSerializer):
    overlap_hours = serializers.IntegerField(
        default=24, min_value=0, max_value=168, help_text="How long the earlier secrets sign along."
    )


# --- what goes out ------------------------------------------------------------------------------------------------


def user_body(user: User) -> dict[str, Any]:
    return {
        "id": user.public_id,
        "object": "user",
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "phone": user.phone or None,
        "email_verified": user.email_verified_at is not None,
        "two_factor_enabled": has_two_factor(user.id),
        "created_at": stamp(user.created_at),
    }


def merchant_body(merchant: Merchant) -> dict[str, Any]:
    return {
        "id": merchant.public_id,
        "object": "merchant",
        "business_name": merchant.business_name,
        "email": merchant.email,
        "phone": merchant.phone or None,
        "registration_number": merchant.registration_number or None,
        "kra_pin": merchant.kra_pin or None,
        "address": merchant.address or None,
        "business_type": merchant.business_type or None,
        "website": merchant.website or None,
        "status": merchant.status,
        "kyc_status": merchant.kyc_status,
        "live_enabled": merchant.live_enabled,
        "reference_policy": merchant.reference_policy,
        "created_at": stamp(merchant.created_at),
        "version": merchant.version,
    }


def merchant_settings_body(merchant: Merchant, *, mode_is_live: bool, last4: str | None) -> dict[str, Any]:
    limit = merchant.refund_approval_above
    return merchant_body(merchant) | {
        "livemode": mode_is_live,
        "default_webhook_secret_last4": last4,
        "refund_approval_above": None if limit is None else Money(limit).decimal_text(),
    }


def place_body(membership: Membership) -> dict[str, Any]:
    return {
        "id": membership.merchant.public_id,
        "business_name": membership.merchant.business_name,
        "role": membership.role_name,
    }


def session_body(
    tokens: dict[str, Any], user: User, membership: Membership, memberships: Iterable[Membership]
) -> dict[str, Any]:
    """Everything a dashboard needs to begin: the tokens, who it is, where they are, and where else they may be."""
    return {
        "tokens": tokens,
        "user": user_body(user),
        "merchant": merchant_body(membership.merchant) | {"role": membership.role_name},
        "merchants": [place_body(each) for each in memberships],
    }


# --- the same for the OpenAPI document; a test holds the two together -----------------------------------------------


class TokensSerializer(serializers.Serializer[Any]):
    """Seconds of life beside each token."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    access_expires_in = serializers.IntegerField()
    refresh_expires_in = serializers.IntegerField()


@extend_schema_serializer(examples=[OpenApiExample("Renewed", value=texts.RENEWED_EXAMPLE)])
class RenewedSerializer(serializers.Serializer[Any]):
    tokens = TokensSerializer()


@extend_schema_serializer(examples=[OpenApiExample("A person", value=texts.USER_EXAMPLE)])
class UserSerializer(serializers.Serializer[Any]):
    """A person."""

    id = serializers.CharField()
    object = serializers.CharField(default="user")
    email = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    phone = serializers.CharField(allow_null=True)
    email_verified = serializers.BooleanField(help_text="Live mode and the team need it.")
    two_factor_enabled = serializers.BooleanField(help_text="Signing in takes a code besides the password.")
    created_at = serializers.DateTimeField()


class MerchantSerializer(serializers.Serializer[Any]):
    """A business."""

    id = serializers.CharField()
    object = serializers.CharField(default="merchant")
    business_name = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField(allow_null=True)
    registration_number = serializers.CharField(allow_null=True)
    kra_pin = serializers.CharField(allow_null=True)
    address = serializers.CharField(allow_null=True)
    business_type = serializers.CharField(allow_null=True)
    website = serializers.CharField(allow_null=True)
    status = serializers.CharField(help_text="active or suspended.")
    kyc_status = serializers.CharField(help_text="unverified, pending, verified or rejected.")
    live_enabled = serializers.BooleanField()
    reference_policy = serializers.CharField(help_text="unique_unless_failed, unique or any.")
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class OwnMerchantSerializer(MerchantSerializer):
    """The business a person has signed in at, with their role there."""

    role = serializers.CharField(help_text=ROLE)


@extend_schema_serializer(examples=[OpenApiExample("A shop", value=texts.MERCHANT_SETTINGS_EXAMPLE)])
class MerchantSettingsSerializer(MerchantSerializer):
    """The caller's business, with the end of the secret its webhooks are signed with in this mode."""

    livemode = serializers.BooleanField()
    default_webhook_secret_last4 = serializers.CharField(allow_null=True)
    refund_approval_above = serializers.CharField(
        allow_null=True, help_text="A refund of more waits for a second person; null when the amount does not matter."
    )


class PlaceSerializer(serializers.Serializer[Any]):
    """One of a person's merchants."""

    id = serializers.CharField()
    business_name = serializers.CharField()
    role = serializers.CharField(help_text=ROLE)


@extend_schema_serializer(examples=[OpenApiExample("Signed in", value=texts.SESSION_EXAMPLE)])
class SessionSerializer(serializers.Serializer[Any]):
    """A session that has just begun."""

    tokens = TokensSerializer()
    user = UserSerializer()
    merchant = OwnMerchantSerializer()
    merchants = PlaceSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("Shown once", value=texts.WEBHOOK_SECRET_EXAMPLE)])
class WebhookSecretSerializer(serializers.Serializer[Any]):
    """The new secret; it is shown this once."""

    object = serializers.CharField(default="webhook_secret")
    livemode = serializers.BooleanField()
    secret = serializers.CharField()
