"""The API of a merchant's own roles."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from merchants.permissions import TEAM
from merchants.selectors.find import custom_role_of
from merchants.selectors.pages import page_of_roles
from merchants.serializers.roles import (
    NewRoleSerializer,
    RoleChangesSerializer,
    RoleListSerializer,
    RoleSerializer,
    role_body,
)
from merchants.services import roles
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses

ROLE_ID = OpenApiParameter("role_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The role's id, rol_….")
CHANGING = refuses("unknown_parameter", "email_unverified", "permission_denied", "step_up_required", "state_conflict")


class RoleViewSet(ApiViewSet):
    """What the caller's merchant has made beside the usual roles; for people who may change the team, in person."""

    required_scopes = dict.fromkeys(("list", "create", "retrieve", "update", "destroy"), TEAM)

    @extend_schema(
        operation_id="list_roles",
        summary="Roles of your own, newest first",
        parameters=[LIMIT, CURSOR],
        responses=RoleListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_roles(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [role_body(role) for role in found], turn=turn)

    @extend_schema(
        operation_id="create_role",
        summary="Make a role of your own",
        request=NewRoleSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: RoleSerializer},
        extensions=CHANGING,
    )
    def create(self, request: Request) -> HttpResponse:
        """A set of scopes, none of which its maker lacks. Give it by its id, in /team/ and /team/invitations/.

        Destinations of payouts and settling stay with owner, admin and finance, a payer's privacy with owners.
        """
        wanted = validated(NewRoleSerializer(data=request.data))

        def work() -> HttpResponse:
            role = roles.create_role(self.caller, name=wanted["name"], scopes=wanted["scopes"])
            answer = json_answer(role_body(role), 201)
            answer["Location"] = f"/api/v1/roles/{role.public_id}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(operation_id="get_role", summary="One role", parameters=[ROLE_ID], responses=RoleSerializer)
    def retrieve(self, request: Request, role_id: str) -> HttpResponse:
        return json_answer(role_body(custom_role_of(self.caller, key_from("rol", role_id))))

    @extend_schema(
        operation_id="change_role",
        summary="Change a role of your own",
        request=RoleChangesSerializer,
        parameters=[ROLE_ID, IDEMPOTENCY_HEADER],
        responses=RoleSerializer,
        extensions=CHANGING,
    )
    def update(self, request: Request, role_id: str) -> HttpResponse:
        """For everybody who has it, from their next request on."""
        wanted = validated(RoleChangesSerializer(data=request.data))
        key = key_from("rol", role_id)

        def work() -> HttpResponse:
            return json_answer(role_body(roles.change_role(self.caller, key, **wanted)))

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="delete_role",
        summary="Delete a role of your own",
        parameters=[ROLE_ID],
        responses={204: OpenApiResponse(description="Done.")},
        extensions=refuses("email_unverified", "permission_denied", "step_up_required", "state_conflict"),
    )
    def destroy(self, request: Request, role_id: str) -> HttpResponse:
        """Refused while somebody has it or is invited to it."""
        roles.delete_role(self.caller, key_from("rol", role_id))
        return HttpResponse(status=204)
