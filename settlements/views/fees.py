"""The API of fees: what the merchant is charged."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from onpoint_pay.kit.api import ApiViewSet, json_answer
from settlements.serializers.fees import FeesSerializer
from settlements.services.fee_plans import fees_shown


class FeeViewSet(ApiViewSet):
    """The plan in force for the caller's merchant."""

    required_scopes = {"retrieve": "settlements:read"}

    @extend_schema(operation_id="get_fees", summary="What you are charged", responses=FeesSerializer)
    def retrieve(self, request: Request) -> HttpResponse:
        """Your own plan, else the one of this installation, else the fee that stands on your account.

        A payment keeps the fee of the moment it was made. `next` is a change that is known already.
        """
        return json_answer(fees_shown(self.caller))
