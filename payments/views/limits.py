"""The API of limits: what the merchant may take, and how much of it is used."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from merchants.idempotency import replayable
from merchants.permissions import LIMITS
from merchants.serializers.limits import LimitsChangesSerializer, LimitsSerializer
from merchants.services.limits import change_limits
from onpoint_pay.kit.api import ApiViewSet, json_answer, validated
from onpoint_pay.kit.versions import version_asked, with_version
from onpoint_pay.openapi import IDEMPOTENCY_HEADER, refuses
from payments.selectors.limits import limits_shown

IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag you have read; 409 `version_conflict` when somebody else was faster.",
)


class LimitsViewSet(ApiViewSet):
    """The limits of the caller's merchant in the caller's mode."""

    # Whoever may see the merchant may see how far it may go.
    required_scopes = {"retrieve": "payments:read", "update": LIMITS}

    @extend_schema(
        operation_id="get_limits",
        summary="How much you may take, and what is used of it",
        responses=LimitsSerializer,
    )
    def retrieve(self, request: Request) -> HttpResponse:
        """Days and months are Nairobi's. A payment counts from the moment it is asked for; one that closes unpaid gives
        its share back. Money that payers send by themselves is never refused once it has come, and counts.
        """
        return self._answer()

    @extend_schema(
        operation_id="update_limits",
        summary="Change what you allow yourselves to take",
        request=LimitsChangesSerializer,
        parameters=[IDEMPOTENCY_HEADER, IF_MATCH],
        responses=LimitsSerializer,
        extensions=refuses(
            "unknown_parameter",
            "amount_invalid",
            "amount_too_small",
            "amount_too_large",
            "amount_not_whole",
            "step_up_required",
            "version_conflict",
        ),
    )
    def update(self, request: Request) -> HttpResponse:
        """For owners and admins in person, in the mode of the request; audited, event `merchant.limits_changed`. Nobody
        allows themselves more than `cap`, which is the operator's.
        """
        changes = validated(LimitsChangesSerializer(data=request.data))
        version = version_asked(request._request)

        def work() -> HttpResponse:
            change_limits(self.caller, changes, version=version)
            return self._answer()

        return replayable(request, self.caller, work)

    def _answer(self) -> HttpResponse:
        body = limits_shown(self.caller)
        return with_version(json_answer(body), body["version"])
