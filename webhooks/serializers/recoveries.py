"""JSON of recoveries, and of what owners were told."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_webhooks as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.pages import PageSerializer
from webhooks.models import MISSED, RECOVERABLE, Notice, Recovery
from webhooks.schedule import DISABLE_LEVEL, GONE_LEVEL, NOTICE_DAYS
from webhooks.serializers.fields import MomentField, events_field, stamp

# --- recoveries ---------------------------------------------------------------------------------------------------


@extend_schema_serializer(examples=[OpenApiExample("A weekend without a server", value=texts.RECOVER_EXAMPLE)])
class RecoverWebhooksSerializer(InputSerializer):
    """What is to be sent once more."""

    since = MomentField(help_text="Deliveries made at or after this time.")
    until = MomentField(required=False, help_text="And before this one; now when it is absent.")
    types = events_field(required=False, help_text="Event types such as payment.*; all of them when it is absent.")
    only = serializers.ChoiceField(
        choices=RECOVERABLE,
        default=MISSED,
        error_messages={"invalid_choice": f"only must be one of {', '.join(RECOVERABLE)}."},
        help_text="missed (what failed or was held), failed, held, or all, which also repeats what was delivered.",
    )


def recovery_body(recovery: Recovery) -> dict[str, Any]:
    return {
        "id": to_public("whr", recovery.pk),
        "object": "webhook_recovery",
        "livemode": recovery.mode == LIVE,
        "endpoint": to_public("whe", recovery.endpoint_id),
        "since": stamp(recovery.since),
        "until": stamp(recovery.until),
        "types": recovery.types or ["*"],
        "only": recovery.which,
        "status": recovery.state,
        "seen": recovery.seen,
        "opened": recovery.opened,
        "due_until": stamp(recovery.due_until),
        "created_at": stamp(recovery.created_at),
        "finished_at": stamp(recovery.finished_at),
    }


@extend_schema_serializer(
    examples=[
        OpenApiExample("Just begun", value=texts.RECOVERY_EXAMPLE),
        OpenApiExample("Done", value=texts.DONE_RECOVERY_EXAMPLE),
    ]
)
class WebhookRecoverySerializer(serializers.Serializer[Any]):
    """Deliveries of one endpoint being opened again."""

    id = serializers.CharField()
    object = serializers.CharField(default="webhook_recovery")
    livemode = serializers.BooleanField()
    endpoint = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    types = serializers.ListField(child=serializers.CharField())
    only = serializers.CharField()
    status = serializers.CharField(
        help_text="running, done (all of them are open again), or stopped because the endpoint was switched off."
    )
    seen = serializers.IntegerField(help_text="Deliveries of that time looked at so far.")
    opened = serializers.IntegerField(help_text="How many of them are sent again.")
    due_until = serializers.DateTimeField(allow_null=True, help_text="When the last of them is due.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class WebhookRecoveryListSerializer(PageSerializer):
    data = WebhookRecoverySerializer(many=True)  # type: ignore[assignment]


# --- notices ------------------------------------------------------------------------------------------------------


def notice_words(notice: Notice) -> str:
    """What it says, in one or two sentences."""
    url, days = notice.endpoint.url, f"{notice.days} day{'' if notice.days == 1 else 's'}"
    if notice.level == GONE_LEVEL:
        return f"{url} answered 410 Gone and is switched off. What happens meanwhile is kept as held."
    if notice.level == DISABLE_LEVEL:
        return f"No event has reached {url} for {days}: it is switched off. What happens meanwhile is kept as held."
    return f"No event has reached {url} for {days}. After {NOTICE_DAYS[-1]} days it is switched off."


def notice_body(notice: Notice) -> dict[str, Any]:
    return {
        "id": to_public("whn", UUID(int=notice.pk)),
        "object": "webhook_notice",
        "livemode": notice.endpoint.mode == LIVE,
        "endpoint": to_public("whe", notice.endpoint_id),
        "url": notice.endpoint.url,
        "kind": "disabled" if notice.level >= DISABLE_LEVEL else "failing",
        "days": notice.days,
        "failing_since": stamp(notice.failing_since),
        "detail": notice_words(notice),
        "mailed_at": stamp(notice.mailed_at),
        "created_at": stamp(notice.created_at),
    }


@extend_schema_serializer(examples=[OpenApiExample("After a day", value=texts.NOTICE_EXAMPLE)])
class WebhookNoticeSerializer(serializers.Serializer[Any]):
    """What the owners of the business were told of an endpoint, by mail and here."""

    id = serializers.CharField()
    object = serializers.CharField(default="webhook_notice")
    livemode = serializers.BooleanField()
    endpoint = serializers.CharField()
    url = serializers.CharField()
    kind = serializers.CharField(help_text="failing or disabled.")
    days = serializers.IntegerField(help_text="Without a success; 0 when it was disabled because it answered 410.")
    failing_since = serializers.DateTimeField()
    detail = serializers.CharField()
    mailed_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookNoticeListSerializer(PageSerializer):
    data = WebhookNoticeSerializer(many=True)  # type: ignore[assignment]
