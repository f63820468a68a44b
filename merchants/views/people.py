"""The API of the signed-in person's own account: profile, password, second factor, sessions. No API key gets in."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from merchants.permissions import SESSION
from merchants.selectors import find, pages
from merchants.serializers import ProfileChangesSerializer, UserSerializer, user_body
from merchants.serializers.people import (
    AppCodeSerializer,
    MailRequestSerializer,
    NewEmailSerializer,
    PasswordChangeSerializer,
    ProofSerializer,
    RecoveryCodesSerializer,
    RunningSessionListSerializer,
    StepUpSerializer,
    TwoFactorSetupSerializer,
    mail_request_body,
    proof_body,
    recovery_codes_body,
    session_row_body,
    setup_body,
)
from merchants.services import email_change, passwords, profile, sessions, step_up, two_factor, verification
from merchants.views.sign_in import NO_CONTENT
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.kit.ids import from_public
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses

SESSION_ID = OpenApiParameter(
    "session_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The session's id, ses_…."
)
COUNTED = ("rate_limited", "sign_in_unavailable")


class AccountViewSet(ApiViewSet):
    """The signed-in person's own account."""

    required_scopes = dict.fromkeys(
        ("retrieve", "update", "log_out_everywhere", "mail_again", "change_email", "change_password", "step_up"),
        SESSION,
    )

    @extend_schema(operation_id="get_profile", summary="Who is signed in", responses=UserSerializer)
    def retrieve(self, request: Request) -> HttpResponse:
        return json_answer(user_body(find.user_of(self.caller)))

    @extend_schema(
        operation_id="update_profile",
        summary="Change one's own name or phone",
        request=ProfileChangesSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses=UserSerializer,
        extensions=refuses("phone_invalid"),
    )
    def update(self, request: Request) -> HttpResponse:
        changes = validated(ProfileChangesSerializer(data=request.data), refuse_unknown=False)

        def work() -> HttpResponse:
            return json_answer(user_body(profile.change_profile(self.caller, changes=changes)))

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="logout_all", summary="End all of one's sessions", request=None, responses={204: NO_CONTENT}
    )
    def log_out_everywhere(self, request: Request) -> HttpResponse:
        sessions.log_out_everywhere(self.caller)
        return HttpResponse(status=204)

    @extend_schema(
        operation_id="resend_verification",
        summary="Have the link that verifies the address mailed again",
        request=None,
        responses={202: MailRequestSerializer},
        extensions=refuses("state_conflict"),
    )
    def mail_again(self, request: Request) -> HttpResponse:
        """At most three mails an hour."""
        verification.mail_again(self.caller)
        return json_answer(mail_request_body(), 202)

    @extend_schema(
        operation_id="change_email",
        summary="Have a link mailed that gives one's account another address",
        request=NewEmailSerializer,
        responses={202: MailRequestSerializer},
        extensions=refuses("email_invalid", "step_up_required", "state_conflict"),
    )
    def change_email(self, request: Request) -> HttpResponse:
        """Needs a step-up. The link goes to the new address, and the old one is told; nothing changes before the token
        is given to `/auth/email/confirm/`. The same answer whether or not somebody has the address.
        """
        checked = validated(NewEmailSerializer(data=request.data), refuse_unknown=False)
        email_change.ask_email_change(self.caller, email=checked["email"])
        return json_answer(mail_request_body(), 202)

    @extend_schema(
        operation_id="change_password",
        summary="Set a new password with the old one",
        request=PasswordChangeSerializer,
        responses={204: NO_CONTENT},
        extensions=refuses("credentials_invalid", *COUNTED),
    )
    def change_password(self, request: Request) -> HttpResponse:
        """One's other sessions end. Wrong old passwords are counted with failed sign-ins."""
        checked = validated(PasswordChangeSerializer(data=request.data), refuse_unknown=False)
        passwords.change_password(self.caller, old=checked["old_password"], new=checked["new_password"])
        return HttpResponse(status=204)

    @extend_schema(
        operation_id="step_up",
        summary="Prove who you are, for the next ten minutes of this session",
        request=ProofSerializer,
        responses={200: StepUpSerializer},
        extensions=refuses("credentials_invalid", "two_factor_code_invalid", *COUNTED),
    )
    def step_up(self, request: Request) -> HttpResponse:
        """By password or by a code. Changing payout destinations, approving payouts and large refunds, settling, making
        live keys and changing two-factor sign-in need it; signing in counts as a proof too.
        """
        checked = validated(ProofSerializer(data=request.data), refuse_unknown=False)
        return json_answer(proof_body(step_up.step_up(self.caller, **checked)))


class TwoFactorViewSet(ApiViewSet):
    """The signed-in person's second factor."""

    required_scopes = dict.fromkeys(("begin_setup", "enable", "disable", "renew_codes"), SESSION)

    @extend_schema(
        operation_id="set_up_two_factor",
        summary="A seed for an authenticator app; it is shown once",
        request=None,
        responses={200: TwoFactorSetupSerializer},
        extensions=refuses("step_up_required", "state_conflict"),
    )
    def begin_setup(self, request: Request) -> HttpResponse:
        """Nothing changes until it is enabled; asked for again, the earlier seed is worthless."""
        found = two_factor.begin_setup(self.caller)
        return json_answer(setup_body(secret=found.secret, otpauth_url=found.otpauth_url, qr_svg=found.qr_svg))

    @extend_schema(
        operation_id="enable_two_factor",
        summary="Switch two-factor sign-in on; the recovery codes are shown once",
        request=AppCodeSerializer,
        responses={200: RecoveryCodesSerializer},
        extensions=refuses("two_factor_code_invalid", "state_conflict", *COUNTED),
    )
    def enable(self, request: Request) -> HttpResponse:
        """With a code of the app, which shows that it has the seed."""
        checked = validated(AppCodeSerializer(data=request.data), refuse_unknown=False)
        return json_answer(recovery_codes_body(two_factor.enable(self.caller, code=checked["code"])))

    @extend_schema(
        operation_id="disable_two_factor",
        summary="Switch two-factor sign-in off",
        request=None,
        responses={204: NO_CONTENT},
        extensions=refuses("step_up_required"),
    )
    def disable(self, request: Request) -> HttpResponse:
        """Needs a step-up. Seed and recovery codes are gone."""
        two_factor.disable(self.caller)
        return HttpResponse(status=204)

    @extend_schema(
        operation_id="renew_recovery_codes",
        summary="Ten new recovery codes; they are shown once",
        request=None,
        responses={200: RecoveryCodesSerializer},
        extensions=refuses("step_up_required", "state_conflict"),
    )
    def renew_codes(self, request: Request) -> HttpResponse:
        """Needs a step-up. The earlier codes work no more."""
        return json_answer(recovery_codes_body(two_factor.renew_recovery_codes(self.caller)))


class SessionViewSet(ApiViewSet):
    """The signed-in person's sessions, at all of their merchants."""

    required_scopes = {"list": SESSION, "destroy": SESSION}

    @extend_schema(
        operation_id="list_sessions",
        summary="One's running sessions, newest first",
        parameters=[LIMIT, CURSOR],
        responses=RunningSessionListSerializer,
    )
    def list(self, request: Request) -> Response:
        rows, turn = pages.page_of_sessions(self.caller, request.query_params.dict(), limit=page_size(request))
        current = from_public("ses", self.caller.session or "")
        bodies = [
            session_row_body(row, current=current, proved_until=row.proved_at + step_up.PROOF_LASTS) for row in rows
        ]
        return list_answer(request, bodies, turn=turn)

    @extend_schema(
        operation_id="end_session", summary="End one session", parameters=[SESSION_ID], responses={204: NO_CONTENT}
    )
    def destroy(self, request: Request, session_id: str) -> HttpResponse:
        """Its tokens work no more, from its next request on."""
        sessions.end_session(self.caller, key_from("ses", session_id))
        return HttpResponse(status=204)
