"""The doors for people who have no token yet: registering, signing in, links from mails."""

from dataclasses import asdict

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.request import Request

from merchants.serializers import (
    LoginSerializer,
    RefreshSerializer,
    RegisterSerializer,
    RenewedSerializer,
    SessionSerializer,
    session_body,
)
from merchants.serializers.people import (
    SIGNED_IN,
    ChallengeAnswerSerializer,
    ForgottenPasswordSerializer,
    MailedTokenSerializer,
    MailRequestSerializer,
    NewPasswordSerializer,
    SignedUpSerializer,
    challenge_body,
    mail_request_body,
    registration_body,
)
from merchants.services import email_change, passwords, sessions, sign_in, verification
from merchants.services.onboarding import ask_account
from merchants.views.doors import OpenDoorViewSet
from onpoint_pay.kit.api import json_answer, validated
from onpoint_pay.openapi import refuses
from onpoint_pay.openapi_texts_people import LOGIN_EXAMPLE, SESSION_EXAMPLE
from onpoint_pay.openapi_texts_sign_in import CHALLENGE_EXAMPLE

NO_CONTENT = OpenApiResponse(description="Done.")


def opened(session: sessions.OpenSession) -> HttpResponse:
    tokens = asdict(session.tokens)
    return json_answer(session_body(tokens, session.user, session.membership, session.memberships))


class SignInViewSet(OpenDoorViewSet):
    """Doors for people who have no token yet, counted by address."""

    @extend_schema(
        operation_id="register",
        summary="Register a business",
        request=RegisterSerializer,
        responses={202: SignedUpSerializer},
        extensions=refuses("email_invalid", "phone_invalid", "rate_limited"),
    )
    def register(self, request: Request) -> HttpResponse:
        """The same answer whether or not somebody has the address: the mail to it says which. With a new one you can
        sign in at once. The mailed link verifies the address; test mode works without, live mode and the team wait.
        """
        checked = validated(RegisterSerializer(data=request.data), refuse_unknown=False)
        ask_account(**checked)
        return json_answer(registration_body(), 202)

    @extend_schema(
        operation_id="verify_email",
        summary="Show that an e-mail address is yours",
        request=MailedTokenSerializer,
        responses={204: NO_CONTENT},
        extensions=refuses("link_expired", "rate_limited"),
    )
    def verify_email(self, request: Request) -> HttpResponse:
        """With the token of the mail, once, within 24 hours."""
        checked = validated(MailedTokenSerializer(data=request.data), refuse_unknown=False)
        verification.verify_email(token=checked["token"])
        return HttpResponse(status=204)

    @extend_schema(
        operation_id="login",
        summary="Sign in",
        request=LoginSerializer,
        responses={200: SIGNED_IN},
        examples=[
            OpenApiExample("A person", value=LOGIN_EXAMPLE, request_only=True),
            OpenApiExample("Signed in", value=SESSION_EXAMPLE, response_only=True),
            OpenApiExample("A code is asked for", value=CHALLENGE_EXAMPLE, response_only=True),
        ],
        extensions=refuses(
            "email_invalid", "credentials_invalid", "permission_denied", "rate_limited", "sign_in_unavailable"
        ),
    )
    def log_in(self, request: Request) -> HttpResponse:
        """With two-factor sign-in on there are no tokens yet: the challenge and a code open the session.

        After five failed tries within 15 minutes each further one must wait, a minute first and 15 at most.
        """
        checked = validated(LoginSerializer(data=request.data), refuse_unknown=False)
        found = sign_in.log_in(email=checked["email"], password=checked["password"])
        if isinstance(found, sign_in.Challenged):
            return json_answer(challenge_body(found.challenge, expires_in=found.expires_in))
        return opened(found)

    @extend_schema(
        operation_id="answer_two_factor_challenge",
        summary="Sign in: the second factor",
        request=ChallengeAnswerSerializer,
        responses={200: SessionSerializer},
        extensions=refuses(
            "token_invalid", "two_factor_code_invalid", "permission_denied", "rate_limited", "sign_in_unavailable"
        ),
    )
    def answer_challenge(self, request: Request) -> HttpResponse:
        """Each code works once. Five wrong ones burn the challenge; it lives for five minutes."""
        checked = validated(ChallengeAnswerSerializer(data=request.data), refuse_unknown=False)
        return opened(sign_in.answer_challenge(challenge=checked["challenge"], code=checked["code"]))

    @extend_schema(
        operation_id="refresh_tokens",
        summary="Renew both tokens; the old refresh token dies",
        request=RefreshSerializer,
        responses={200: RenewedSerializer},
        extensions=refuses("token_invalid", "token_expired", "session_revoked", "rate_limited"),
    )
    def refresh(self, request: Request) -> HttpResponse:
        """A refresh token that is used twice was copied: the whole session ends, and its person is told by mail."""
        checked = validated(RefreshSerializer(data=request.data), refuse_unknown=False)
        return json_answer({"tokens": asdict(sessions.refresh(token=checked["refresh"]))})

    @extend_schema(
        operation_id="logout",
        summary="End a session",
        request=RefreshSerializer,
        responses={204: NO_CONTENT},
        extensions=refuses("token_invalid", "rate_limited"),
    )
    def log_out(self, request: Request) -> HttpResponse:
        checked = validated(RefreshSerializer(data=request.data), refuse_unknown=False)
        sessions.log_out(token=checked["refresh"])
        return HttpResponse(status=204)

    @extend_schema(
        operation_id="confirm_email",
        summary="Confirm a new address with a mailed token",
        request=MailedTokenSerializer,
        responses={204: NO_CONTENT},
        extensions=refuses("link_expired", "rate_limited"),
    )
    def confirm_email(self, request: Request) -> HttpResponse:
        """Once, within 24 hours. One signs in with the new address from then on; sessions go on."""
        checked = validated(MailedTokenSerializer(data=request.data), refuse_unknown=False)
        email_change.confirm_email_change(token=checked["token"])
        return HttpResponse(status=204)

    @extend_schema(
        operation_id="forgot_password",
        summary="Have a link mailed that sets a new password",
        request=ForgottenPasswordSerializer,
        responses={202: MailRequestSerializer},
        extensions=refuses("email_invalid", "rate_limited"),
    )
    def forgot_password(self, request: Request) -> HttpResponse:
        """The same answer whether or not anybody has the address. At most three mails an hour."""
        checked = validated(ForgottenPasswordSerializer(data=request.data), refuse_unknown=False)
        passwords.ask_for_link(email=checked["email"])
        return json_answer(mail_request_body(), 202)

    @extend_schema(
        operation_id="reset_password",
        summary="Set a new password with a mailed token",
        request=NewPasswordSerializer,
        responses={204: NO_CONTENT},
        extensions=refuses("link_expired", "rate_limited"),
    )
    def reset_password(self, request: Request) -> HttpResponse:
        """Once, within an hour. Every session of the account ends; two-factor sign-in stays on."""
        checked = validated(NewPasswordSerializer(data=request.data), refuse_unknown=False)
        passwords.reset_password(token=checked["token"], password=checked["password"])
        return HttpResponse(status=204)
