"""Roles of a merchant's own as JSON, in and out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.models import GRANTABLE, CustomRole, Role
from merchants.serializers.fields import TextField, fail, stamp
from onpoint_pay import openapi_texts_people as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.pages import PageSerializer

SCOPES = "What whoever has the role may do, the same in both modes."


class RoleNameField(TextField):
    """Not the name of a role that everybody has: people would take one for the other."""

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if name.lower() in Role.values:
            raise fail("parameter_invalid", "There is a role of this name already.")
        return name


@extend_schema_serializer(examples=[OpenApiExample("Whoever stands at the till", value=texts.NEW_ROLE_EXAMPLE)])
class NewRoleSerializer(InputSerializer):
    name = RoleNameField(max_length=60)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=GRANTABLE), allow_empty=False, max_length=len(GRANTABLE), help_text=SCOPES
    )


@extend_schema_serializer(examples=[OpenApiExample("May look only", value=texts.ROLE_CHANGES_EXAMPLE)])
class RoleChangesSerializer(InputSerializer):
    name = RoleNameField(max_length=60, required=False)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=GRANTABLE),
        allow_empty=False,
        max_length=len(GRANTABLE),
        required=False,
        help_text=SCOPES,
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise fail("parameter_missing", "Send a name, or scopes, or both.")
        return attrs


def role_body(role: CustomRole) -> dict[str, Any]:
    return {
        "id": role.public_id,
        "object": "role",
        "name": role.name,
        "scopes": role.scopes,
        "created_by": role.created_by,
        "created_at": stamp(role.created_at),
        "version": role.version,
    }


@extend_schema_serializer(examples=[OpenApiExample("Whoever stands at the till", value=texts.ROLE_EXAMPLE)])
class RoleSerializer(serializers.Serializer[Any]):
    """A role of the business's own. Its id is given where a role is asked for."""

    id = serializers.CharField()
    object = serializers.CharField(default="role")
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=GRANTABLE))
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class RoleListSerializer(PageSerializer):
    data = RoleSerializer(many=True)  # type: ignore[assignment]
