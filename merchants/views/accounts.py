"""The API of provider accounts, and of registering their addresses."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from merchants.permissions import ACCOUNTS
from merchants.selectors.accounts import account_of_caller
from merchants.selectors.pages import page_of_accounts
from merchants.serializers.accounts import (
    DoctorReportSerializer,
    NewProviderAccountSerializer,
    ProviderAccountChangesSerializer,
    ProviderAccountListSerializer,
    ProviderAccountSerializer,
    RegistrationSerializer,
    provider_account_body,
    registration_body,
    report_body,
)
from merchants.services import connections, registration
from merchants.services.doctor import check_account
from merchants.services.hooks import shown_urls
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.kit.errors import Problem
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses

ACCOUNT_ID = OpenApiParameter(
    "account_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The account's id, prv_…."
)
REGISTERING = ("callback_url_forbidden", "provider_error", "provider_unavailable", "provider_not_configured")
DARAJA = "daraja"


def registered(done: registration.Registration) -> HttpResponse:
    """The answer shows the addresses without their secret: whoever has it can speak as the provider."""
    urls = shown_urls(done.account)
    body = registration_body(
        done.account,
        confirmation_url=urls.confirmation,
        validation_url=urls.validation,
        pull_note=done.pull_note,
    )
    return json_answer(body)


class ProviderAccountViewSet(ApiViewSet):
    """The caller's own accounts at providers; no API key gets in."""

    required_scopes = dict.fromkeys(
        ("list", "create", "retrieve", "update", "destroy", "doctor", "register_urls"), ACCOUNTS
    )
    rate_policies = {"doctor": "provider", "register_urls": "provider"}

    @extend_schema(
        operation_id="list_provider_accounts",
        summary="Accounts, newest first",
        parameters=[LIMIT, CURSOR],
        responses=ProviderAccountListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_accounts(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [provider_account_body(account) for account in found], turn=turn)

    @extend_schema(
        operation_id="connect_provider_account",
        summary="Connect a paybill or till of one's own",
        request=NewProviderAccountSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: ProviderAccountSerializer},
        extensions=refuses("unknown_parameter", "phone_invalid", "state_conflict", "step_up_required"),
    )
    def create(self, request: Request) -> HttpResponse:
        """The secrets are sealed and never shown again. Check the account with its doctor before the first payment."""
        wanted = validated(NewProviderAccountSerializer(data=request.data))

        def work() -> HttpResponse:
            account = connections.connect_account(self.caller, wanted)
            answer = json_answer(provider_account_body(account), 201)
            answer["Location"] = f"/api/v1/provider-accounts/{account.public_id}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="get_provider_account",
        summary="One account, without its secrets",
        parameters=[ACCOUNT_ID],
        responses=ProviderAccountSerializer,
    )
    def retrieve(self, request: Request, account_id: str) -> HttpResponse:
        return json_answer(provider_account_body(account_of_caller(self.caller, key_from("prv", account_id))))

    @extend_schema(
        operation_id="update_provider_account",
        summary="Change credentials and settings",
        request=ProviderAccountChangesSerializer,
        parameters=[ACCOUNT_ID, IDEMPOTENCY_HEADER],
        responses=ProviderAccountSerializer,
        extensions=refuses("unknown_parameter", "phone_invalid", "state_conflict", "step_up_required"),
    )
    def update(self, request: Request, account_id: str) -> HttpResponse:
        """New credentials serve new payments at once, and every process within a minute."""
        changes = validated(ProviderAccountChangesSerializer(data=request.data))
        key = key_from("prv", account_id)

        def work() -> HttpResponse:
            return json_answer(provider_account_body(connections.change_account(self.caller, key, changes)))

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="disconnect_provider_account",
        summary="Take an account out of use",
        parameters=[ACCOUNT_ID],
        responses={200: ProviderAccountSerializer},
        extensions=refuses("step_up_required"),
    )
    def destroy(self, request: Request, account_id: str) -> HttpResponse:
        """Payments under way are followed to their end with its credentials. `is_active: true` brings it back."""
        account = connections.disconnect_account(self.caller, key_from("prv", account_id))
        return json_answer(provider_account_body(account))

    @extend_schema(
        operation_id="check_provider_account",
        summary="Check an account: credentials, addresses, registration",
        request=None,
        parameters=[ACCOUNT_ID],
        responses={200: DoctorReportSerializer},
    )
    def doctor(self, request: Request, account_id: str) -> HttpResponse:
        """No money moves. Every failed finding says what to do about it."""
        account = account_of_caller(self.caller, key_from("prv", account_id))
        return json_answer(report_body(check_account(account, actor=self.caller.actor)))

    @extend_schema(
        operation_id="register_provider_account_urls",
        summary="Register the account's addresses with its provider",
        request=None,
        parameters=[ACCOUNT_ID],
        responses={200: RegistrationSerializer},
        extensions=refuses(*REGISTERING),
    )
    def register_urls(self, request: Request, account_id: str) -> HttpResponse:
        """Registering again is harmless; in production the provider keeps what was registered first."""
        account = account_of_caller(self.caller, key_from("prv", account_id))
        return registered(registration.register_account(account, actor=self.caller.actor))


class C2bRegistrationViewSet(ApiViewSet):
    """Registering where payers' own payments are told."""

    required_scopes = {"register_urls": "c2b:write"}
    rate_policies = {"register_urls": "provider"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Matching money is for more people than the merchant's accounts at providers are.
        if self.caller.kind == "user" and not self.caller.may(ACCOUNTS):
            raise Problem("insufficient_scope", extra={"required_scope": ACCOUNTS})

    @extend_schema(
        operation_id="register_callback_urls",
        summary="Register the addresses of the account that serves the caller",
        request=None,
        responses={200: RegistrationSerializer},
        extensions=refuses(*REGISTERING, "state_conflict"),
    )
    def register_urls(self, request: Request) -> HttpResponse:
        """The words of the addresses are checked before anything is sent. Registering again is harmless."""
        return registered(registration.register_serving_account(self.caller, DARAJA))
