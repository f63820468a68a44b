"""The API of keys: parse, one service call, answer."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from merchants.models import ApiKey
from merchants.permissions import LIMITS
from merchants.selectors import find, pages
from merchants.serializers.keys import (
    AddressesChangesSerializer,
    AddressesSerializer,
    ApiKeyChangesSerializer,
    ApiKeyListSerializer,
    ApiKeySerializer,
    KeyReportedSerializer,
    KeyReportSerializer,
    NewApiKeySerializer,
    RotateKeySerializer,
    ShownApiKeySerializer,
    addresses_body,
    api_key_body,
)
from merchants.services import allow_lists, api_keys
from merchants.services.key_reports import report_leak
from merchants.services.key_rotation import rotate_api_key
from merchants.views.doors import OpenDoorViewSet
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses

KEY_ID = OpenApiParameter("key_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The key's id, key_….")


class ApiKeyViewSet(ApiViewSet):
    """Keys of the caller's merchant in the caller's mode."""

    required_scopes = dict.fromkeys(
        ("list", "create", "retrieve", "update", "rotate", "revoke", "destroy"), "keys:write"
    )

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
        extensions=refuses("two_factor_required", "step_up_required"),
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
                allowed_origins=wanted.get("allowed_origins", ()),
                expires_at=wanted.get("expires_at"),
            )
            return _shown(key, clear)

        return replayable(request, self.caller, work, shows_secret=True)

    @extend_schema(operation_id="get_api_key", summary="One key", parameters=[KEY_ID], responses=ApiKeySerializer)
    def retrieve(self, request: Request, key_id: str) -> HttpResponse:
        return json_answer(api_key_body(find.key_of(self.caller, key_from("key", key_id))))

    @extend_schema(
        operation_id="update_api_key",
        summary="Change a key's name, or where it may be used from",
        request=ApiKeyChangesSerializer,
        parameters=[KEY_ID, IDEMPOTENCY_HEADER],
        responses=ApiKeySerializer,
        extensions=refuses("unknown_parameter", "step_up_required", "state_conflict"),
    )
    def update(self, request: Request, key_id: str) -> HttpResponse:
        """Addresses and origins are changed by people only, who have just proved who they are; owners are told of
        addresses by mail.
        """
        wanted = validated(ApiKeyChangesSerializer(data=request.data))
        key = key_from("key", key_id)
        return replayable(
            request, self.caller, lambda: json_answer(api_key_body(allow_lists.change_key(self.caller, key, **wanted)))
        )

    @extend_schema(
        operation_id="rotate_api_key",
        summary="Replace a key; the new one is shown once",
        request=RotateKeySerializer,
        parameters=[KEY_ID, IDEMPOTENCY_HEADER],
        responses={201: ShownApiKeySerializer},
        extensions=refuses("two_factor_required", "step_up_required", "state_conflict"),
    )
    def rotate(self, request: Request, key_id: str) -> HttpResponse:
        """A new key with the same settings. The old one goes on for `overlap_hours`, then answers `api_key_rotated`."""
        wanted = validated(RotateKeySerializer(data=request.data), refuse_unknown=False)
        key = key_from("key", key_id)

        def work() -> HttpResponse:
            return _shown(*rotate_api_key(self.caller, key, overlap_hours=wanted["overlap_hours"]))

        return replayable(request, self.caller, work, shows_secret=True)

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


def _shown(key: ApiKey, clear: str) -> HttpResponse:
    answer = json_answer(api_key_body(key) | {"key": clear}, 201)
    answer["Location"] = f"/api/v1/api-keys/{key.public_id}/"
    return answer


class KeyReportViewSet(OpenDoorViewSet):
    """For whoever finds a key that is not theirs; counted by address."""

    @extend_schema(
        operation_id="report_api_key",
        summary="Report a key that has leaked",
        request=KeyReportSerializer,
        responses={200: KeyReportedSerializer},
        extensions=refuses("rate_limited"),
    )
    def report(self, request: Request) -> HttpResponse:
        """Needs no login, and answers the same for everything. A live key that is real is revoked at once, unless it is
        publishable; other keys are flagged (`reported_at`). The owners are told.
        """
        report_leak(validated(KeyReportSerializer(data=request.data), refuse_unknown=False)["key"])
        return json_answer({"object": "key_report", "received": True})


class AllowedIpsViewSet(ApiViewSet):
    """Where all keys of the caller's merchant may be used from."""

    required_scopes = dict.fromkeys(("retrieve", "update"), LIMITS)

    @extend_schema(
        operation_id="get_allowed_ips",
        summary="Where keys of the business may be used from",
        responses=AddressesSerializer,
    )
    def retrieve(self, request: Request) -> HttpResponse:
        return json_answer(addresses_body(find.merchant_of(self.caller)[0].allowed_ips))

    @extend_schema(
        operation_id="update_allowed_ips",
        summary="Change where keys of the business may be used from",
        request=AddressesChangesSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses=AddressesSerializer,
        extensions=refuses("unknown_parameter", "step_up_required"),
    )
    def update(self, request: Request) -> HttpResponse:
        """For owners and admins in person, in both modes at once; owners are told by mail. A key's own list must let an
        address in as well. People who have signed in are not held to it.
        """
        wanted = validated(AddressesChangesSerializer(data=request.data))["allowed_ips"]

        def work() -> HttpResponse:
            return json_answer(addresses_body(allow_lists.change_merchant_list(self.caller, wanted)))

        return replayable(request, self.caller, work)
