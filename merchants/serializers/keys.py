"""API keys and the addresses they may be used from as JSON, in and out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.models import ApiKey, Scope
from merchants.serializers.fields import NetworkField, OriginField, TextField, stamp
from onpoint_pay import openapi_texts_keys as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.pages import PageSerializer

MOST_NETWORKS = 50
MOST_ORIGINS = 20


def networks(words: str, **more: Any) -> serializers.ListField:
    return serializers.ListField(
        child=NetworkField(max_length=49),
        max_length=MOST_NETWORKS,
        help_text=f"IPv4 or IPv6 addresses or CIDR networks. {words}",
        **more,
    )


def origins() -> serializers.ListField:
    return serializers.ListField(
        child=OriginField(max_length=260),
        max_length=MOST_ORIGINS,
        required=False,
        help_text="Of a publishable key: whose pages may use it, such as https://shop.example. All pages when empty.",
    )


# --- what comes in ------------------------------------------------------------------------------------------------


@extend_schema_serializer(
    examples=[
        OpenApiExample("For a backend", value=texts.NEW_KEY_EXAMPLE),
        OpenApiExample("Restricted", value=texts.RESTRICTED_KEY_EXAMPLE),
        OpenApiExample("For a browser", value=texts.PUBLISHABLE_KEY_EXAMPLE),
    ]
)
class NewApiKeySerializer(InputSerializer):
    """The key belongs to the mode of the request."""

    name = TextField(max_length=80)
    kind = serializers.ChoiceField(choices=ApiKey.Kind.values, default=ApiKey.Kind.SECRET.value)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.values),
        required=False,
        allow_empty=False,
        max_length=len(Scope),
        help_text="Needed for a restricted key; a publishable one has none. Default of a secret key: all but "
        "approvals and key management. test:write is for test keys.",
    )
    allowed_ips = networks("Where the key may be used from; anywhere when empty.", required=False)
    allowed_origins = origins()
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("One network", value=texts.KEY_CHANGES_EXAMPLE)])
class ApiKeyChangesSerializer(InputSerializer):
    """Absent fields stay as they are."""

    name = TextField(max_length=80, required=False)
    allowed_ips = networks("Where the key may be used from; anywhere when empty.", required=False)
    allowed_origins = origins()


@extend_schema_serializer(examples=[OpenApiExample("A day", value=texts.ROTATE_KEY_EXAMPLE)])
class RotateKeySerializer(InputSerializer):
    """How long the old key works beside the new one."""

    overlap_hours = serializers.IntegerField(min_value=0, max_value=720, default=24, help_text="0: it ends at once.")


@extend_schema_serializer(examples=[OpenApiExample("A key that was found", value=texts.REPORT_EXAMPLE)])
class KeyReportSerializer(InputSerializer):
    key = TextField(max_length=200, write_only=True)


@extend_schema_serializer(examples=[OpenApiExample("An office", value=texts.ADDRESSES_CHANGES_EXAMPLE)])
class AddressesChangesSerializer(InputSerializer):
    """The whole list anew."""

    allowed_ips = networks("Where keys of the business may be used from, in both modes; anywhere when empty.")


# --- what goes out ------------------------------------------------------------------------------------------------


def api_key_body(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.public_id,
        "object": "api_key",
        "livemode": key.livemode,
        "name": key.name,
        "kind": key.kind,
        "prefix": key.prefix,
        "last4": key.last4,
        "scopes": key.scopes,
        "allowed_ips": key.allowed_ips,
        "allowed_origins": key.allowed_origins,
        "created_by": key.created_by,
        "created_at": stamp(key.created_at),
        "expires_at": stamp(key.expires_at),
        "last_used_at": stamp(key.last_used_at),
        "last_used_ip": key.last_used_place or None,
        "rotated_to": to_public("key", key.rotated_to) if key.rotated_to else None,
        "overlap_ends_at": stamp(key.overlap_ends_at),
        "reported_at": stamp(key.reported_at),
        "revoked_at": stamp(key.revoked_at),
    }


def addresses_body(allowed_ips: list[str]) -> dict[str, Any]:
    return {"object": "allowed_ips", "allowed_ips": allowed_ips}


# --- the same for the OpenAPI document; a test holds the two together -----------------------------------------------


@extend_schema_serializer(examples=[OpenApiExample("Restricted", value=texts.KEY_EXAMPLE)])
class ApiKeySerializer(serializers.Serializer[Any]):
    """An API key, without the key."""

    id = serializers.CharField()
    object = serializers.CharField(default="api_key")
    livemode = serializers.BooleanField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=ApiKey.Kind.values)
    prefix = serializers.CharField()
    last4 = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.values))
    allowed_ips = serializers.ListField(child=serializers.CharField())
    allowed_origins = serializers.ListField(child=serializers.CharField())
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="Noted at most once a minute.")
    last_used_ip = serializers.CharField(allow_null=True, help_text="The IPv4 address, or the /64 of an IPv6 address.")
    rotated_to = serializers.CharField(allow_null=True, help_text="The key that replaces it.")
    overlap_ends_at = serializers.DateTimeField(allow_null=True, help_text="A key that was replaced works until then.")
    reported_at = serializers.DateTimeField(allow_null=True, help_text="When it was reported as leaked.")
    revoked_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("Shown once", value=texts.SHOWN_KEY_EXAMPLE)])
class ShownApiKeySerializer(ApiKeySerializer):
    """A new API key; `key` is shown this once."""

    key = serializers.CharField()


class ApiKeyListSerializer(PageSerializer):
    data = ApiKeySerializer(many=True)  # type: ignore[assignment]


@extend_schema_serializer(examples=[OpenApiExample("Whatever was sent", value=texts.REPORTED_EXAMPLE)])
class KeyReportedSerializer(serializers.Serializer[Any]):
    """The same for every text, whether or not it is a key."""

    object = serializers.CharField(default="key_report")
    received = serializers.BooleanField()


@extend_schema_serializer(examples=[OpenApiExample("An office", value=texts.ADDRESSES_EXAMPLE)])
class AddressesSerializer(serializers.Serializer[Any]):
    """Where keys of the business may be used from, besides what each key says itself."""

    object = serializers.CharField(default="allowed_ips")
    allowed_ips = serializers.ListField(child=serializers.CharField())
