"""The API of merchants: parse, one service call, answer."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from merchants.idempotency import replayable
from merchants.permissions import LIMITS
from merchants.selectors import find
from merchants.serializers import (
    MerchantChangesSerializer,
    MerchantSettingsSerializer,
    RotateSecretSerializer,
    WebhookSecretSerializer,
    merchant_settings_body,
)
from merchants.services.limits import change_refund_limit
from onpoint_pay.kit.api import ApiViewSet, json_answer, validated
from onpoint_pay.kit.money import Money
from onpoint_pay.openapi import IDEMPOTENCY_HEADER, refuses
from webhooks.services.endpoints import rotate_default_secret


class MerchantViewSet(ApiViewSet):
    """The caller's merchant."""

    # Whoever may see the payments may see whose they are.
    required_scopes = {"retrieve": "payments:read", "update": LIMITS, "rotate_webhook_secret": "webhooks:write"}

    @extend_schema(operation_id="get_merchant", summary="The caller's merchant", responses=MerchantSettingsSerializer)
    def retrieve(self, request: Request) -> HttpResponse:
        merchant, last4 = find.merchant_of(self.caller)
        return json_answer(merchant_settings_body(merchant, mode_is_live=self.caller.livemode, last4=last4))

    @extend_schema(
        operation_id="update_merchant",
        summary="Change the limit above which a refund waits for a second person",
        request=MerchantChangesSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses=MerchantSettingsSerializer,
        extensions=refuses("unknown_parameter", "amount_invalid", "step_up_required"),
    )
    def update(self, request: Request) -> HttpResponse:
        """For owners and admins in person, in both modes at once; audited."""
        wanted = validated(MerchantChangesSerializer(data=request.data))["refund_approval_above"]

        def work() -> HttpResponse:
            change_refund_limit(self.caller, None if wanted is None else Money.parse(wanted))
            merchant, last4 = find.merchant_of(self.caller)
            return json_answer(merchant_settings_body(merchant, mode_is_live=self.caller.livemode, last4=last4))

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="rotate_webhook_secret",
        summary="A new default webhook secret for this mode; it is shown once",
        request=RotateSecretSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={200: WebhookSecretSerializer},
        extensions=refuses("state_conflict"),
    )
    def rotate_webhook_secret(self, request: Request) -> HttpResponse:
        wanted = validated(RotateSecretSerializer(data=request.data), refuse_unknown=False)

        def work() -> HttpResponse:
            secret = rotate_default_secret(
                merchant_id=self.caller.merchant_id,
                mode=self.caller.mode,
                overlap_hours=wanted["overlap_hours"],
                actor=self.caller.actor,
            )
            return json_answer({"object": "webhook_secret", "livemode": self.caller.livemode, "secret": secret})

        return replayable(request, self.caller, work, shows_secret=True)
