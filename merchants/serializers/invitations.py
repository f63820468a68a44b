"""Invitations to a team as JSON, in and out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.models import Invitation
from merchants.serializers.fields import ROLE, EmailField, PasswordField, PhoneField, RoleField, TextField, stamp
from onpoint_pay import openapi_texts_people as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.pages import PageSerializer

STATES = ("open", "accepted", "revoked", "expired")


@extend_schema_serializer(examples=[OpenApiExample("Somebody who keeps the books", value=texts.NEW_INVITATION_EXAMPLE)])
class NewInvitationSerializer(InputSerializer):
    """Whom to invite, registered or not."""

    email = EmailField(max_length=254)
    role = RoleField()


@extend_schema_serializer(
    examples=[
        OpenApiExample("Somebody new", value=texts.ACCEPTING_EXAMPLE),
        OpenApiExample("Somebody who has registered", value={"token": texts.ACCEPTING_EXAMPLE["token"]}),
    ]
)
class AcceptInvitationSerializer(InputSerializer):
    """The token of the mail; whoever has not registered says who they are too."""

    token = TextField(max_length=200, help_text="From the mail.")
    first_name = TextField(max_length=100, required=False)
    last_name = TextField(max_length=100, required=False)
    phone = PhoneField(max_length=24, required=False)
    password = PasswordField(
        required=False, help_text="At least 12 characters, no common password, and not like the e-mail address."
    )


def invitation_body(invitation: Invitation) -> dict[str, Any]:
    return {
        "id": invitation.public_id,
        "object": "invitation",
        "email": invitation.email,
        "role": invitation.role_name,
        "status": invitation.status,
        "invited_by": invitation.invited_by.public_id,
        "created_at": stamp(invitation.created_at),
        "expires_at": stamp(invitation.expires_at),
        "accepted_at": stamp(invitation.accepted_at) if invitation.accepted_at else None,
    }


@extend_schema_serializer(examples=[OpenApiExample("Waiting for an answer", value=texts.INVITATION_EXAMPLE)])
class InvitationSerializer(serializers.Serializer[Any]):
    """A role offered by mail. The token stands in the mail alone."""

    id = serializers.CharField()
    object = serializers.CharField(default="invitation")
    email = serializers.CharField()
    role = serializers.CharField(help_text=ROLE)
    status = serializers.ChoiceField(choices=STATES)
    invited_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)


class InvitationListSerializer(PageSerializer):
    data = InvitationSerializer(many=True)  # type: ignore[assignment]
