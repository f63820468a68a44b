"""The people of a merchant as JSON, in and out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.models import Membership
from merchants.serializers.fields import ROLE, EmailField, RoleField, stamp
from onpoint_pay import openapi_texts_people as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.pages import PageSerializer


@extend_schema_serializer(examples=[OpenApiExample("Somebody who keeps the books", value=texts.NEW_MEMBER_EXAMPLE)])
class NewMemberSerializer(InputSerializer):
    """Whom to add. They must have registered; others are invited by mail."""

    email = EmailField(max_length=254)
    role = RoleField()


@extend_schema_serializer(examples=[OpenApiExample("Another role", value=texts.MEMBER_CHANGES_EXAMPLE)])
class MemberChangesSerializer(InputSerializer):
    role = RoleField()


def member_body(member: Membership) -> dict[str, Any]:
    return {
        "id": member.public_id,
        "object": "member",
        "user": member.user.public_id,
        "email": member.user.email,
        "first_name": member.user.first_name,
        "last_name": member.user.last_name,
        "role": member.role_name,
        "added_by": member.added_by or None,
        "created_at": stamp(member.created_at),
    }


@extend_schema_serializer(examples=[OpenApiExample("Somebody who keeps the books", value=texts.MEMBER_EXAMPLE)])
class MemberSerializer(serializers.Serializer[Any]):
    """A person with a role at the merchant, in both modes."""

    id = serializers.CharField()
    object = serializers.CharField(default="member")
    user = serializers.CharField()
    email = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    role = serializers.CharField(help_text=ROLE)
    added_by = serializers.CharField(allow_null=True, help_text="Null for the person who registered the merchant.")
    created_at = serializers.DateTimeField()


class MemberListSerializer(PageSerializer):
    data = MemberSerializer(many=True)  # type: ignore[assignment]
