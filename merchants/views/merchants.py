"""The API of merchants: parse, one service call, answer."""

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from merchants.idempotency import replayable
from merchants.models import ApiKey
from merchants.permissions import LIMITS, SESSION
from merchants.selectors import find, pages
from merchants.serializers import (
    ApiKeyListSerializer,
    ApiKeySerializer,
    LoginSerializer,
    MerchantChangesSerializer,
    MerchantSettingsSerializer,
    NewApiKeySerializer,
    ProfileChangesSerializer,
    RefreshSerializer,
    RegisterSerializer,
    RenewedSerializer,
    RotateSecretSerializer,
    SessionSerializer,
    ShownApiKeySerializer,
    UserSerializer,
    WebhookSecretSerializer,
    api_key_body,
    merchant_settings_body,
    session_body,
    user_body,
)
from merchants.services import api_keys, profile, sessions
from merchants.services.limits import change_refund_limit
from merchants.services.onboarding import sign_up
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.kit.crypto import sha256
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.ratelimit import count
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses
from webhooks.services.endpoints import rotate_default_secret

NO_CONTENT = OpenApiResponse(description="Done.")
KEY_ID = OpenApiParameter("key_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The key's id, key_….")


def opened(session: sessions.OpenSession, status: int) -> HttpResponse:
    tokens = asdict(session.tokens)
    return json_answer(session_body(tokens, session.user, session.membership, session.memberships), status)


class SignInViewSet(ViewSet):
    """Doors for people who have no token yet, counted by address."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        count(request._request, "auth", key=request.META["REMOTE_ADDR"])

    @extend_schema(
        operation_id="register",
        summary="Register a business and sign in",
        request=RegisterSerializer,
        responses={201: SessionSerializer},
        extensions=refuses("email_invalid", "phone_invalid", "email_taken", "rate_limited"),
    )
    def register(self, request: Request) -> HttpResponse:
        checked = validated(RegisterSerializer(data=request.data), refuse_unknown=False)
        return opened(sign_up(**checked), 201)

    @extend_schema(
        operation_id="login",
        summary="Sign in",
        request=LoginSerializer,
        responses={200: SessionSerializer},
        extensions=refuses("email_invalid", "credentials_invalid", "permission_denied", "rate_limited"),
    )
    def log_in(self, request: Request) -> HttpResponse:
        checked = validated(LoginSerializer(data=request.data), refuse_unknown=False)
        count(request._request, "login", key=sha256(checked["email"].encode()).hex())
        return opened(sessions.log_in(email=checked["email"], password=checked["password"]), 200)

    @extend_schema(
        operation_id="refresh_tokens",
        summary="Renew both tokens; the old refresh token dies",
        request=RefreshSerializer,
        responses={200: RenewedSerializer},
        extensions=refuses("token_invalid", "token_expired", "session_revoked", "rate_limited"),
    )
    def refresh(self, request: Request) -> HttpResponse:
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


class AccountViewSet(ApiViewSet):
    """The signed-in person's own account; no API key gets in."""

    required_scopes = {"retrieve": SESSION, "update": SESSION, "log_out_everywhere": SESSION}

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


class ApiKeyViewSet(ApiViewSet):
    """Keys of the caller's merchant in the caller's mode."""

    required_scopes = {
        "list": "keys:write",
        "create": "keys:write",
        "retrieve": "keys:write",
        "revoke": "keys:write",
        "destroy": "keys:write",
    }

    @extend_schema(
        operation_id="list_api_keys",
        summary="Keys, newest first",
        parameters=[LIMIT, CURSOR],
        responses=ApiKeyListSerializer,
    )
    def list(self, request: Request) -> Response:
        keys, turn = pages.page_of_keys(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [api_key_body(key) for key in keys], turn=turn)

    @extend_schema(
        operation_id="create_api_key",
        summary="Make a key; it is shown once",
        request=NewApiKeySerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: ShownApiKeySerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        wanted = validated(NewApiKeySerializer(data=request.data), refuse_unknown=False)

        def work() -> HttpResponse:
            key, clear = api_keys.issue_api_key(
                self.caller,
                name=wanted["name"],
                kind=wanted["kind"],
                scopes=wanted.get("scopes"),
                allowed_ips=wanted.get("allowed_ips", ()),
                expires_at=wanted.get("expires_at"),
            )
            answer = json_answer(api_key_body(key) | {"key": clear}, 201)
            answer["Location"] = f"/api/v1/api-keys/{key.public_id}/"
            return answer

        return replayable(request, self.caller, work, shows_secret=True)

    @extend_schema(operation_id="get_api_key", summary="One key", parameters=[KEY_ID], responses=ApiKeySerializer)
    def retrieve(self, request: Request, key_id: str) -> HttpResponse:
        return json_answer(api_key_body(find.key_of(self.caller, key_from("key", key_id))))

    @extend_schema(
        operation_id="revoke_api_key",
        summary="End a key at once",
        request=None,
        parameters=[KEY_ID, IDEMPOTENCY_HEADER],
        responses={200: ApiKeySerializer},
    )
    def revoke(self, request: Request, key_id: str) -> HttpResponse:
        return replayable(request, self.caller, lambda: json_answer(api_key_body(self._revoked(key_id))))

    @extend_schema(
        operation_id="delete_api_key",
        summary="The same as revoke",
        parameters=[KEY_ID],
        responses={200: ApiKeySerializer},
    )
    def destroy(self, request: Request, key_id: str) -> HttpResponse:
        return json_answer(api_key_body(self._revoked(key_id)))

    def _revoked(self, key_id: str) -> ApiKey:
        return api_keys.revoke_api_key(self.caller, key_from("key", key_id))


class MerchantViewSet(ApiViewSet):
    """The caller's merchant."""

    # Whoever may see the payments may see whose they are.
    required_scopes = {"retrieve": "payments:read", "update": LIMITS, "rotate_webhook_secret": "webhooks:write"}

    @extend_schema(operation_id="get_merchant", summary="The caller's merchant", responses=MerchantSettingsSerializer)
    def retrieve(self, request: Request) -> HttpResponse:
        merchant, last4 = find.merchant_of(self.caller)
        return json_answer(merchant_settings_body(merchant, mode_is_live=self.caller.livemode, last4=last4))

    @extend_schema(
        operation_id="update_merchant",
        summary="Change the limit above which a refund waits for a second person",
        request=MerchantChangesSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses=MerchantSettingsSerializer,
        extensions=refuses("unknown_parameter", "amount_invalid"),
    )
    def update(self, request: Request) -> HttpResponse:
        """For owners and admins in person, in both modes at once; audited."""
        wanted = validated(MerchantChangesSerializer(data=request.data))["refund_approval_above"]

        def work() -> HttpResponse:
            change_refund_limit(self.caller, None if wanted is None else Money.parse(wanted))
            merchant, last4 = find.merchant_of(self.caller)
            return json_answer(merchant_settings_body(merchant, mode_is_live=self.caller.livemode, last4=last4))

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="rotate_webhook_secret",
        summary="A new default webhook secret for this mode; it is shown once",
        request=RotateSecretSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={200: WebhookSecretSerializer},
        extensions=refuses("state_conflict"),
    )
    def rotate_webhook_secret(self, request: Request) -> HttpResponse:
        wanted = validated(RotateSecretSerializer(data=request.data), refuse_unknown=False)

        def work() -> HttpResponse:
            secret = rotate_default_secret(
                merchant_id=self.caller.merchant_id,
                mode=self.caller.mode,
                overlap_hours=wanted["overlap_hours"],
                actor=self.caller.actor,
            )
            return json_answer({"object": "webhook_secret", "livemode": self.caller.livemode, "secret": secret})

        return replayable(request, self.caller, work, shows_secret=True)
