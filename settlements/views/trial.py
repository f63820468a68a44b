"""The API of what helps to try things, in test mode only."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request

from merchants.idempotency import replayable
from merchants.models import Scope
from onpoint_pay.kit.api import ApiViewSet, json_answer, validated
from onpoint_pay.kit.money import Money
from onpoint_pay.openapi import IDEMPOTENCY_HEADER, refuses
from settlements.selectors.books import transfer_by_id
from settlements.serializers.books import LedgerTransferSerializer, TrialMoneySerializer, transfer_body
from settlements.services.trial_money import add_trial_money


class TrialViewSet(ApiViewSet):
    """Refused in live mode, whoever asks."""

    required_scopes = {"balance": Scope.TEST_WRITE}

    @extend_schema(
        operation_id="add_test_money",
        summary="Money to try payouts with",
        request=TrialMoneySerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: LedgerTransferSerializer},
        extensions=refuses(
            "unknown_parameter",
            "amount_invalid",
            "amount_too_small",
            "amount_too_large",
            "currency_unsupported",
            "permission_denied",
        ),
    )
    @action(detail=False, methods=["post"])
    def balance(self, request: Request) -> HttpResponse:
        """Available at once, in test mode only: what payers pay is not before its settlement."""
        asked = validated(TrialMoneySerializer(data=request.data))
        amount = Money.parse(asked["amount"], asked["currency"])

        def work() -> HttpResponse:
            key = add_trial_money(self.caller, amount)
            body = transfer_body(*transfer_by_id(self.caller, key))
            answer = json_answer(body, 201)
            answer["Location"] = f"/api/v1/ledger/transfers/{body['id']}/"
            return answer

        return replayable(request, self.caller, work)
