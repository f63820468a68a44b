"""The API of money that payers send by themselves: parse, one service call, answer."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.kit.caller import Caller
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses, sort_by
from payments.models import C2bAccount, C2bReceipt
from payments.selectors import c2b
from payments.selectors.find import payment_by_id
from payments.serializers.c2b import (
    AccountChangesSerializer,
    C2bAccountListSerializer,
    C2bAccountSerializer,
    C2bClaimListSerializer,
    C2bClaimSerializer,
    C2bReceiptListSerializer,
    C2bReceiptSerializer,
    C2bSuggestionListSerializer,
    MatchSerializer,
    NewAccountSerializer,
    NewClaimSerializer,
    UnmatchSerializer,
    account_body,
    claim_body,
    receipt_body,
    suggestion_body,
)
from payments.services.c2b_accounts import add_account, change_account, close_account
from payments.services.c2b_claims import make_claim
from payments.services.c2b_hand import Target, match_receipt, unmatch_receipt
from payments.services.c2b_owner import suggestions_for
from payments.states import C2B_STATES, CLAIM_STATES, VERIFICATIONS

READ, WRITE = "c2b:read", "c2b:write"


def text_filter(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description)


def path_id(description: str) -> OpenApiParameter:
    return OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description=description)


ACCOUNT_ID = path_id("The account's id, acc_….")
RECEIPT_ID = path_id("The receipt's id, c2b_….")
CLAIM_ID = path_id("The claim's id, clm_….")
ACCOUNT_FILTERS = [
    text_filter("status", "open or closed."),
    text_filter("code", "The code, however it is spelt."),
    text_filter("customer", "Your own name of the customer."),
    text_filter("q", "Searches code, name and customer."),
    sort_by("created_at"),
    LIMIT,
    CURSOR,
]
RECEIPT_FILTERS = [
    text_filter("state", f"One or several of {', '.join(C2B_STATES)}, separated by commas."),
    text_filter("verification", f"One or several of {', '.join(VERIFICATIONS)}, separated by commas."),
    text_filter("receipt", "The network's receipt."),
    text_filter("shortcode", "The paybill, or a till's store number."),
    text_filter("date_from", "First day in Africa/Nairobi, included."),
    text_filter("date_to", "Last day in Africa/Nairobi, included."),
    text_filter("amount_min", "Smallest amount, included."),
    text_filter("amount_max", "Largest amount, included."),
    text_filter("q", "Searches receipt, text, payer's name and number."),
    sort_by("received_at", "amount"),
    LIMIT,
    CURSOR,
]
CLAIM_FILTERS = [
    text_filter("status", f"One or several of {', '.join(CLAIM_STATES)}, separated by commas."),
    text_filter("receipt", "The network's receipt."),
    sort_by("created_at"),
    LIMIT,
    CURSOR,
]


def target_of(caller: Caller, named: dict[str, Any]) -> Target:
    """The account or payment somebody named. Raises NotFound for what is not the caller's."""
    if "account" in named:
        return Target(account=c2b.account_by_id(caller, key_from("acc", named["account"])))
    payment_id = key_from("pay", named["payment"], code="payment_not_found")
    return Target(payment=payment_by_id(caller, payment_id))


class C2bAccountViewSet(ApiViewSet):
    """What payers type, in the caller's mode."""

    required_scopes = {"list": READ, "retrieve": READ, "create": WRITE, "update": WRITE, "close": WRITE}

    @extend_schema(
        operation_id="create_c2b_account",
        summary="Make an account number for payers to type",
        request=NewAccountSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: C2bAccountSerializer},
        extensions=refuses(
            "unknown_parameter",
            "amount_invalid",
            "amount_too_small",
            "phone_invalid",
            "state_conflict",
            "provider_not_configured",
        ),
    )
    def create(self, request: Request) -> HttpResponse:
        """Money with this number, or one that can only be a slip of it, is yours at once. The number stands for one
        account on its shortcode, also where several merchants share it.
        """
        wanted = validated(NewAccountSerializer(data=request.data))

        def work() -> HttpResponse:
            body = account_body(add_account(self.caller, wanted))
            answer = json_answer(body, 201)
            answer["Location"] = f"/api/v1/c2b/accounts/{body['id']}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="list_c2b_accounts",
        summary="Accounts, newest first",
        parameters=ACCOUNT_FILTERS,
        responses=C2bAccountListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = c2b.page_of_accounts(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [account_body(account) for account in found], turn=turn)

    @extend_schema(
        operation_id="get_c2b_account", summary="One account", parameters=[ACCOUNT_ID], responses=C2bAccountSerializer
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(account_body(self._account(pk)))

    @extend_schema(
        operation_id="update_c2b_account",
        summary="Change an account",
        request=AccountChangesSerializer,
        parameters=[ACCOUNT_ID, IDEMPOTENCY_HEADER],
        responses=C2bAccountSerializer,
        extensions=refuses(
            "unknown_parameter", "amount_invalid", "amount_too_small", "phone_invalid", "state_conflict"
        ),
    )
    def update(self, request: Request, pk: str) -> HttpResponse:
        account = self._account(pk)
        changes = validated(AccountChangesSerializer(data=request.data))
        return replayable(
            request, self.caller, lambda: json_answer(account_body(change_account(self.caller, account, changes)))
        )

    @extend_schema(
        operation_id="close_c2b_account",
        summary="Close an account",
        request=None,
        parameters=[ACCOUNT_ID, IDEMPOTENCY_HEADER],
        responses=C2bAccountSerializer,
    )
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> HttpResponse:
        """Money that still comes with its number waits for a person. The number is never given to another account."""
        account = self._account(pk)
        return replayable(request, self.caller, lambda: json_answer(account_body(close_account(self.caller, account))))

    def _account(self, public_id: str) -> C2bAccount:
        return c2b.account_by_id(self.caller, key_from("acc", public_id))


class C2bReceiptViewSet(ApiViewSet):
    """Money that payers sent by themselves, in the caller's mode."""

    required_scopes = {"list": READ, "retrieve": READ, "suggestions": READ, "match": WRITE, "unmatch": WRITE}

    @extend_schema(
        operation_id="list_c2b_receipts",
        summary="Receipts, newest first",
        parameters=RECEIPT_FILTERS,
        responses=C2bReceiptListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        found, turn = c2b.page_of_receipts(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [receipt_body(row) for row in found], turn=turn)

    @extend_schema(
        operation_id="get_c2b_receipt", summary="One receipt", parameters=[RECEIPT_ID], responses=C2bReceiptSerializer
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(receipt_body(self._receipt(pk)))

    @extend_schema(
        operation_id="list_c2b_suggestions",
        summary="Whose a receipt's money may be, by what is known now",
        parameters=[RECEIPT_ID],
        responses=C2bSuggestionListSerializer,
    )
    @action(detail=True, methods=["get"])
    def suggestions(self, request: Request, pk: str) -> Response:
        """The best first; none for a receipt that is matched."""
        found = suggestions_for(self._receipt(pk), merchant_id=self.caller.merchant_id)
        return list_answer(request, [suggestion_body(each) for each in found])

    @extend_schema(
        operation_id="match_c2b_receipt",
        summary="Say whose a receipt's money is",
        request=MatchSerializer,
        parameters=[RECEIPT_ID, IDEMPOTENCY_HEADER],
        responses=C2bReceiptSerializer,
        extensions=refuses("unknown_parameter", "resource_missing", "payment_not_found", "state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def match(self, request: Request, pk: str) -> HttpResponse:
        """The money becomes a completed payment. With `learn`, the same text of the same payer goes to the same account
        from now on.
        """
        row = self._receipt(pk)
        asked = validated(MatchSerializer(data=request.data))
        target = target_of(self.caller, asked)

        def work() -> HttpResponse:
            return json_answer(receipt_body(match_receipt(self.caller, row, target, learn=asked["learn"])))

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="unmatch_c2b_receipt",
        summary="Take a match back",
        request=UnmatchSerializer,
        parameters=[RECEIPT_ID, IDEMPOTENCY_HEADER],
        responses=C2bReceiptSerializer,
        extensions=refuses("unknown_parameter", "insufficient_balance", "state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def unmatch(self, request: Request, pk: str) -> HttpResponse:
        """The payment is reversed and the money waits again. Refused when any of it was refunded or has left."""
        row = self._receipt(pk)
        asked = validated(UnmatchSerializer(data=request.data))

        def work() -> HttpResponse:
            return json_answer(receipt_body(unmatch_receipt(self.caller, row, reason=asked["reason"])))

        return replayable(request, self.caller, work)

    def _receipt(self, public_id: str) -> C2bReceipt:
        return c2b.receipt_by_id(self.caller, key_from("c2b", public_id))


class C2bClaimViewSet(ApiViewSet):
    """Claims of receipts, in the caller's mode."""

    required_scopes = {"list": READ, "retrieve": READ, "create": WRITE}
    rate_policies = {"create": "status"}

    @extend_schema(
        operation_id="create_c2b_claim",
        summary="Claim a receipt",
        request=NewClaimSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: C2bClaimSerializer},
        extensions=refuses(
            "unknown_parameter", "resource_missing", "payment_not_found", "receipt_already_used", "state_conflict"
        ),
    )
    def create(self, request: Request) -> HttpResponse:
        """A payer shows a receipt, or the whole SMS. It is looked up here, then at M-Pesa: the claim is `pending` until
        the answer is in. A receipt serves one claim.
        """
        asked = validated(NewClaimSerializer(data=request.data))
        target = target_of(self.caller, asked)
        param = "receipt" if "receipt" in asked else "sms"

        def work() -> HttpResponse:
            body = claim_body(make_claim(self.caller, param=param, text=asked[param], target=target))
            answer = json_answer(body, 201)
            answer["Location"] = f"/api/v1/c2b/claims/{body['id']}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="list_c2b_claims",
        summary="Claims, newest first",
        parameters=CLAIM_FILTERS,
        responses=C2bClaimListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = c2b.page_of_claims(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [claim_body(claim) for claim in found], turn=turn)

    @extend_schema(
        operation_id="get_c2b_claim", summary="One claim", parameters=[CLAIM_ID], responses=C2bClaimSerializer
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(claim_body(c2b.claim_by_id(self.caller, key_from("clm", pk))))
