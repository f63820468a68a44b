"""The API of the books: balances, accounts, entries, transfers, and the proof of a range."""

from datetime import timedelta

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.listing import day_end, day_start, read_filters
from onpoint_pay.openapi import CURSOR, LIMIT, refuses
from settlements.selectors.books import (
    MERCHANT_KINDS,
    balances_by_currency,
    page_of_accounts,
    page_of_entries,
    transfer_by_id,
    verify_books,
)
from settlements.serializers.books import (
    BalanceSerializer,
    LedgerAccountListSerializer,
    LedgerEntryListSerializer,
    LedgerTransferSerializer,
    VerificationSerializer,
    account_body,
    balance_body,
    entry_body,
    transfer_body,
    verification_body,
)

VERIFIED_DAYS = 92


def text(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description)


KIND = text("kind", f"One or several of {', '.join(MERCHANT_KINDS)}, separated by commas.")
ENTRY_FILTERS = [
    text("account", "The account's id, led_…."),
    KIND,
    text("transfer", "The transfer's id, trf_…."),
    text("date_from", "First day in Africa/Nairobi, included."),
    text("date_to", "Last day in Africa/Nairobi, included."),
    text("created_after", "RFC 3339 time, excluded."),
    text("created_before", "RFC 3339 time, excluded."),
    LIMIT,
    CURSOR,
]
TRANSFER_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The transfer's id, trf_….")
RANGE = [
    text("from", "First day in Africa/Nairobi, included; 30 days before `to` when absent."),
    text("to", "Last day in Africa/Nairobi, included; today when absent."),
]


class BalanceViewSet(ApiViewSet):
    """The caller's money, as it is now."""

    required_scopes = {"retrieve": "balance:read"}

    @extend_schema(
        operation_id="get_balance", summary="What is yours, and where it stands", responses=BalanceSerializer
    )
    def retrieve(self, request: Request) -> HttpResponse:
        """Read from the books at this instant, to the cent."""
        at = now()
        return json_answer(balance_body(self.caller, balances_by_currency(self.caller), at=at))


class LedgerViewSet(ApiViewSet):
    """The books of the caller's merchant in the caller's mode."""

    required_scopes = dict.fromkeys(("accounts", "entries", "transfer", "verify"), "ledger:read")

    @extend_schema(
        operation_id="list_ledger_accounts",
        summary="Your accounts, newest first",
        parameters=[KIND, LIMIT, CURSOR],
        responses=LedgerAccountListSerializer,
    )
    @action(detail=False, methods=["get"])
    def accounts(self, request: Request) -> Response:
        found, turn = page_of_accounts(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [account_body(account) for account in found], turn=turn)

    @extend_schema(
        operation_id="list_ledger_entries",
        summary="Every movement on your accounts, newest first",
        parameters=ENTRY_FILTERS,
        responses=LedgerEntryListSerializer,
        extensions=refuses("date_invalid"),
    )
    @action(detail=False, methods=["get"])
    def entries(self, request: Request) -> Response:
        """Entries are never changed or removed: a correction is a transfer of its own."""
        found, turn = page_of_entries(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [entry_body(entry) for entry in found], turn=turn)

    @extend_schema(
        operation_id="get_ledger_transfer",
        summary="One transfer with all its lines",
        parameters=[TRANSFER_ID],
        responses=LedgerTransferSerializer,
    )
    @action(detail=True, methods=["get"])
    def transfer(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(transfer_body(*transfer_by_id(self.caller, key_from("trf", pk))))

    @extend_schema(
        operation_id="verify_ledger",
        summary="Prove your accounts against their entries",
        parameters=RANGE,
        responses=VerificationSerializer,
        extensions=refuses("date_invalid"),
    )
    @action(detail=False, methods=["get"])
    def verify(self, request: Request) -> HttpResponse:
        """Recomputed from the entries of at most 92 days, in one snapshot.

        Each entry must go on where the one before it ended, each account stand where its last entry left it, and each
        transfer balance.
        """
        given = read_filters(request.query_params.dict(), {"from": day_start, "to": day_end})
        end = given.get("to", now())
        start = given.get("from", end - timedelta(days=30))
        if not timedelta(0) < end - start <= timedelta(days=VERIFIED_DAYS):
            raise Problem(
                "date_invalid", f"Ask for 1 to {VERIFIED_DAYS} days, the first before the last.", param="from"
            )
        return json_answer(verification_body(verify_books(self.caller, start=start, end=end), start=start, end=end))
