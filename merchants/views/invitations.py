"""The API of invitations to a merchant's team."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from merchants.permissions import TEAM
from merchants.selectors.find import invitation_of
from merchants.selectors.pages import page_of_invitations
from merchants.serializers.invitations import (
    AcceptInvitationSerializer,
    InvitationListSerializer,
    InvitationSerializer,
    NewInvitationSerializer,
    invitation_body,
)
from merchants.serializers.team import MemberSerializer, member_body
from merchants.services import invitations
from merchants.views.doors import OpenDoorViewSet
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses

INVITATION_ID = OpenApiParameter(
    "invitation_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The invitation's id, ivt_…."
)


class InvitationViewSet(ApiViewSet):
    """Who was invited to the caller's merchant; for owners and admins in person, no API key gets in."""

    required_scopes = dict.fromkeys(("list", "create", "retrieve", "destroy"), TEAM)
    rate_policies = {"create": "provider"}

    @extend_schema(
        operation_id="list_invitations",
        summary="Invitations, newest first",
        parameters=[LIMIT, CURSOR],
        responses=InvitationListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_invitations(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [invitation_body(each) for each in found], turn=turn)

    @extend_schema(
        operation_id="invite_member",
        summary="Invite somebody by mail",
        request=NewInvitationSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: InvitationSerializer},
        extensions=refuses(
            "unknown_parameter",
            "email_invalid",
            "email_unverified",
            "permission_denied",
            "step_up_required",
            "state_conflict",
        ),
    )
    def create(self, request: Request) -> HttpResponse:
        """Good for 7 days, once, for whoever reads the mailbox. A newer one to the same address ends the earlier.

        It works only while its maker may still invite for this role; only owners make owners.
        """
        wanted = validated(NewInvitationSerializer(data=request.data))

        def work() -> HttpResponse:
            invitation = invitations.invite(self.caller, email=wanted["email"], role=wanted["role"])
            answer = json_answer(invitation_body(invitation), 201)
            answer["Location"] = f"/api/v1/team/invitations/{invitation.public_id}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="get_invitation",
        summary="One invitation",
        parameters=[INVITATION_ID],
        responses=InvitationSerializer,
    )
    def retrieve(self, request: Request, invitation_id: str) -> HttpResponse:
        return json_answer(invitation_body(invitation_of(self.caller, key_from("ivt", invitation_id))))

    @extend_schema(
        operation_id="revoke_invitation",
        summary="Take an invitation back",
        parameters=[INVITATION_ID],
        responses={204: OpenApiResponse(description="Done.")},
        extensions=refuses("state_conflict", "step_up_required"),
    )
    def destroy(self, request: Request, invitation_id: str) -> HttpResponse:
        """The mailed token works no more. Who has accepted is a member: remove them there."""
        invitations.revoke_invitation(self.caller, key_from("ivt", invitation_id))
        return HttpResponse(status=204)


class AcceptInvitationViewSet(OpenDoorViewSet):
    """The door for whoever was invited, counted by address."""

    @extend_schema(
        operation_id="accept_invitation",
        summary="Accept an invitation to a team",
        request=AcceptInvitationSerializer,
        responses={201: MemberSerializer},
        extensions=refuses(
            "link_expired",
            "parameter_missing",
            "email_unverified",
            "permission_denied",
            "merchant_suspended",
            "state_conflict",
            "rate_limited",
        ),
    )
    def accept(self, request: Request) -> HttpResponse:
        """With the token of the mail. Who has an account keeps it as it is and finds the business beside their others;
        anybody else gets one, with a verified address. Then sign in: OnPoint-Merchant chooses the business.
        """
        checked = validated(AcceptInvitationSerializer(data=request.data))
        member = invitations.accept_invitation(token=checked.pop("token"), person=checked)
        return json_answer(member_body(member), 201)
