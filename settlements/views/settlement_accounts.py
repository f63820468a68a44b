"""The API of the accounts that settlements may be paid to: kept payout destinations, and which of them is chosen."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from onpoint_pay.kit.api import ApiViewSet, list_answer, page_size
from settlements.selectors.payouts import page_of_destinations
from settlements.selectors.settlement_terms import terms_of
from settlements.serializers.settlement_accounts import SettlementAccountListSerializer, settlement_account_body
from settlements.views.destinations import FILTERS
from settlements.views.settlements import READ


class SettlementAccountViewSet(ApiViewSet):
    """Where the settlements of the caller's merchant may go."""

    required_scopes = {"list": READ}

    @extend_schema(
        operation_id="list_settlement_accounts",
        summary="Where your settlements are paid to",
        parameters=FILTERS,
        responses=SettlementAccountListSerializer,
    )
    def list(self, request: Request) -> Response:
        """Your kept payout destinations; settlements are paid to the one that `receives_settlements`. Which it is, the
        operator of this installation sets. Without one, what is settled stays available.
        """
        found, turn = page_of_destinations(self.caller, request.query_params.dict(), limit=page_size(request))
        chosen = terms_of(self.caller.merchant_id).destination_id
        return list_answer(
            request, [settlement_account_body(each, is_chosen=each.id == chosen) for each in found], turn=turn
        )
