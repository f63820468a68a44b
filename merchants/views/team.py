"""The API of a merchant's people."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from merchants.permissions import TEAM
from merchants.selectors.find import member_of
from merchants.selectors.pages import page_of_members
from merchants.serializers.team import (
    MemberChangesSerializer,
    MemberListSerializer,
    MemberSerializer,
    NewMemberSerializer,
    member_body,
)
from merchants.services import team
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses

MEMBER_ID = OpenApiParameter(
    "member_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The member's id, mbr_…."
)


class TeamViewSet(ApiViewSet):
    """Who works at the caller's merchant; for owners and admins in person, no API key gets in."""

    required_scopes = dict.fromkeys(("list", "create", "retrieve", "update", "destroy"), TEAM)
    rate_policies = {"create": "provider"}

    @extend_schema(
        operation_id="list_members",
        summary="People, newest first",
        parameters=[LIMIT, CURSOR],
        responses=MemberListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_members(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [member_body(member) for member in found], turn=turn)

    @extend_schema(
        operation_id="add_member",
        summary="Give somebody who has registered a role",
        request=NewMemberSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: MemberSerializer},
        extensions=refuses(
            "unknown_parameter",
            "email_invalid",
            "resource_missing",
            "permission_denied",
            "step_up_required",
            "state_conflict",
        ),
    )
    def create(self, request: Request) -> HttpResponse:
        """Of somebody who has not registered it says so: invite them by mail instead. Only owners make owners."""
        wanted = validated(NewMemberSerializer(data=request.data))

        def work() -> HttpResponse:
            member = team.add_member(self.caller, email=wanted["email"], role=wanted["role"])
            answer = json_answer(member_body(member), 201)
            answer["Location"] = f"/api/v1/team/{member.public_id}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(operation_id="get_member", summary="One person", parameters=[MEMBER_ID], responses=MemberSerializer)
    def retrieve(self, request: Request, member_id: str) -> HttpResponse:
        return json_answer(member_body(member_of(self.caller, key_from("mbr", member_id))))

    @extend_schema(
        operation_id="change_member",
        summary="Give a person another role",
        request=MemberChangesSerializer,
        parameters=[MEMBER_ID, IDEMPOTENCY_HEADER],
        responses=MemberSerializer,
        extensions=refuses("unknown_parameter", "permission_denied", "step_up_required", "state_conflict"),
    )
    def update(self, request: Request, member_id: str) -> HttpResponse:
        """From their next request on. Only owners make and unmake owners, and the last one stays one."""
        wanted = validated(MemberChangesSerializer(data=request.data))
        key = key_from("mbr", member_id)

        def work() -> HttpResponse:
            return json_answer(member_body(team.change_role(self.caller, key, role=wanted["role"])))

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="remove_member",
        summary="End a person's place at the merchant",
        parameters=[MEMBER_ID],
        responses={204: OpenApiResponse(description="Done.")},
        extensions=refuses("permission_denied", "step_up_required", "state_conflict"),
    )
    def destroy(self, request: Request, member_id: str) -> HttpResponse:
        """From their next request on. API keys they have made stay: revoke what they know."""
        team.remove_member(self.caller, key_from("mbr", member_id))
        return HttpResponse(status=204)
