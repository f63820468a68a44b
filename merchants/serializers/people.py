"""Passwords, second factors, proofs and sessions as JSON, in and out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema_serializer
from rest_framework import serializers

from merchants.models import Session
from merchants.serializers.fields import EmailField, PasswordField, TextField, fail, stamp
from merchants.serializers.merchants import SessionSerializer
from onpoint_pay import openapi_texts_sign_in as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.pages import PageSerializer

NEW_PASSWORD = "At least 12 characters, no common password, and not like the e-mail address."  # noqa: S105
CODE = "Six digits of the app, or a recovery code."
METHODS = ("totp", "recovery")


def example(name: str, value: dict[str, Any]) -> Any:
    return extend_schema_serializer(examples=[OpenApiExample(name, value=value)])


# --- what comes in ------------------------------------------------------------------------------------------------


@example("From the mail", texts.VERIFY_EXAMPLE)
class MailedTokenSerializer(InputSerializer):
    token = TextField(max_length=200, help_text="From the mail.")


@example("An address", texts.FORGOT_EXAMPLE)
class ForgottenPasswordSerializer(InputSerializer):
    email = EmailField(max_length=254)


@example("The address one is to have", texts.NEW_EMAIL_EXAMPLE)
class NewEmailSerializer(InputSerializer):
    email = EmailField(max_length=254, help_text="The new address.")


@example("From the mail", texts.RESET_EXAMPLE)
class NewPasswordSerializer(MailedTokenSerializer):
    password = PasswordField(help_text=NEW_PASSWORD)


@example("Old and new", texts.CHANGE_EXAMPLE)
class PasswordChangeSerializer(InputSerializer):
    old_password = PasswordField()
    new_password = PasswordField(help_text=NEW_PASSWORD)


@example("A code of the app", texts.CODE_EXAMPLE)
class AppCodeSerializer(InputSerializer):
    code = TextField(max_length=16, help_text="Six digits of the app.")


@example("A code of the app", texts.ANSWER_EXAMPLE)
class ChallengeAnswerSerializer(InputSerializer):
    challenge = TextField(max_length=64, help_text="From the sign-in, mfa_….")
    code = TextField(max_length=32, help_text=CODE)


@extend_schema_serializer(
    examples=[
        OpenApiExample("A code of the app", value=texts.CODE_EXAMPLE),
        OpenApiExample("The password", value=texts.PASSWORD_EXAMPLE),
    ]
)
class ProofSerializer(InputSerializer):
    """One of the two."""

    code = TextField(max_length=32, required=False, help_text=CODE)
    password = PasswordField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise fail("parameter_missing" if not attrs else "parameter_invalid", "Send either code or password.")
        return attrs


# --- what goes out ------------------------------------------------------------------------------------------------


def mail_request_body() -> dict[str, Any]:
    return dict(texts.MAIL_EXAMPLE)


def registration_body() -> dict[str, Any]:
    return dict(texts.REGISTRATION_EXAMPLE)


def challenge_body(challenge: str, *, expires_in: int) -> dict[str, Any]:
    return {
        "two_factor_required": True,
        "challenge": challenge,
        "methods": list(METHODS),
        "expires_in": expires_in,
    }


def setup_body(*, secret: str, otpauth_url: str, qr_svg: str) -> dict[str, Any]:
    return {"object": "two_factor_setup", "secret": secret, "otpauth_url": otpauth_url, "qr_svg": qr_svg}


def recovery_codes_body(codes: Sequence[str]) -> dict[str, Any]:
    return {"object": "recovery_codes", "recovery_codes": list(codes)}


def proof_body(proved_until: datetime) -> dict[str, Any]:
    return {"object": "step_up", "proved_until": stamp(proved_until)}


def session_row_body(session: Session, *, current: UUID | None, proved_until: datetime) -> dict[str, Any]:
    return {
        "id": session.public_id,
        "object": "session",
        "device": session.device or None,
        "address": session.address or None,
        "methods": session.methods,
        "current": session.id == current,
        "began_at": stamp(session.began_at),
        "last_seen_at": stamp(session.last_seen_at),
        "proved_until": stamp(proved_until),
        "expires_at": stamp(session.expires_at),
    }


# --- the same for the OpenAPI document; a test holds the two together -----------------------------------------------


@example("The same for every address", texts.MAIL_EXAMPLE)
class MailRequestSerializer(serializers.Serializer[Any]):
    """A mail was asked for."""

    object = serializers.CharField(default="mail_request")
    detail = serializers.CharField()


@example("The same for every address", texts.REGISTRATION_EXAMPLE)
class SignedUpSerializer(serializers.Serializer[Any]):
    """What comes of it is in the mailbox."""

    object = serializers.CharField(default="registration")
    detail = serializers.CharField()


@example("A code is missing", texts.CHALLENGE_EXAMPLE)
class TwoFactorChallengeSerializer(serializers.Serializer[Any]):
    """The password was right; the challenge and a code open the session."""

    two_factor_required = serializers.BooleanField(help_text="Always true.")
    challenge = serializers.CharField()
    methods = serializers.ListField(child=serializers.ChoiceField(choices=METHODS))
    expires_in = serializers.IntegerField(help_text="Seconds.")


SIGNED_IN = PolymorphicProxySerializer(
    component_name="SignedIn",
    serializers=[SessionSerializer, TwoFactorChallengeSerializer],
    resource_type_field_name=None,
)


@example("For an authenticator app", texts.SETUP_EXAMPLE)
class TwoFactorSetupSerializer(serializers.Serializer[Any]):
    """What an authenticator app needs; it is shown this once."""

    object = serializers.CharField(default="two_factor_setup")
    secret = serializers.CharField(help_text="The seed in base 32, to be typed where no picture can be taken.")
    otpauth_url = serializers.CharField()
    qr_svg = serializers.CharField(help_text="The address as a picture (SVG).")


@example("Ten codes", texts.CODES_EXAMPLE)
class RecoveryCodesSerializer(serializers.Serializer[Any]):
    """Each stands in for the app once; they are shown this once."""

    object = serializers.CharField(default="recovery_codes")
    recovery_codes = serializers.ListField(child=serializers.CharField(), min_length=10, max_length=10)


@example("For ten minutes", texts.PROOF_EXAMPLE)
class StepUpSerializer(serializers.Serializer[Any]):
    """Until when this session counts as proved."""

    object = serializers.CharField(default="step_up")
    proved_until = serializers.DateTimeField()


@example("The session that asks", texts.SESSION_EXAMPLE)
class RunningSessionSerializer(serializers.Serializer[Any]):
    """One sign-in at one device."""

    id = serializers.CharField()
    object = serializers.CharField(default="session")
    device = serializers.CharField(allow_null=True, help_text="As it names itself (User-Agent).")
    address = serializers.CharField(allow_null=True, help_text="The latest one.")
    methods = serializers.ListField(
        child=serializers.CharField(), help_text="What opened it: pwd, and otp or recovery with a second factor."
    )
    current = serializers.BooleanField(help_text="Whether it is the one that asks.")
    began_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    proved_until = serializers.DateTimeField(help_text="When a step-up is needed; it may be in the past.")
    expires_at = serializers.DateTimeField(help_text="Unless it is renewed.")


class RunningSessionListSerializer(PageSerializer):
    data = RunningSessionSerializer(many=True)  # type: ignore[assignment]
