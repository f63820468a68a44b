"""Paths of fees, settlements, payouts and the books."""

from django.urls import URLPattern, path

from onpoint_pay.kit.strict_json import StrictJSONParser
from onpoint_pay.kit.uploads.multipart import UploadParser
from settlements.views.books import BalanceViewSet, LedgerViewSet
from settlements.views.destinations import DestinationViewSet
from settlements.views.fees import FeeViewSet
from settlements.views.payout_batches import CsvParser, PayoutBatchViewSet
from settlements.views.payouts import PayoutViewSet
from settlements.views.recon import ReconExceptionViewSet
from settlements.views.recon_runs import ReconRunViewSet
from settlements.views.settlement_accounts import SettlementAccountViewSet
from settlements.views.settlements import SettlementViewSet
from settlements.views.statements import StatementViewSet
from settlements.views.trial import TrialViewSet

ledger_view = LedgerViewSet.as_view
settlement_view = SettlementViewSet.as_view
payout_view = PayoutViewSet.as_view
destination_view = DestinationViewSet.as_view
payout_batch_view = PayoutBatchViewSet.as_view
recon_view = ReconRunViewSet.as_view

urlpatterns: list[URLPattern] = [
    path("merchant/fees/", FeeViewSet.as_view({"get": "retrieve"}), name="merchant-fees"),
    path("settlements/", settlement_view({"get": "list"}), name="settlements"),
    path("settlements/run/", settlement_view({"post": "run"}), name="settlement-run"),
    path("settlements/statement/", StatementViewSet.as_view({"get": "retrieve"}), name="settlement-statement"),
    path("settlements/<str:pk>/", settlement_view({"get": "retrieve"}), name="settlement"),
    path("settlements/<str:pk>/items/", settlement_view({"get": "items"}), name="settlement-items"),
    path(
        "settlements/<str:pk>/statement/",
        StatementViewSet.as_view({"get": "of_settlement"}),
        name="settlement-own-statement",
    ),
    path("settlement-accounts/", SettlementAccountViewSet.as_view({"get": "list"}), name="settlement-accounts"),
    path("balance/", BalanceViewSet.as_view({"get": "retrieve"}), name="balance"),
    path("test/balance/", TrialViewSet.as_view({"post": "balance"}), name="test-balance"),
    path("ledger/accounts/", ledger_view({"get": "accounts"}), name="ledger-accounts"),
    path("ledger/entries/", ledger_view({"get": "entries"}), name="ledger-entries"),
    path("ledger/transfers/<str:pk>/", ledger_view({"get": "transfer"}), name="ledger-transfer"),
    path("ledger/verify/", ledger_view({"get": "verify"}), name="ledger-verify"),
    path(
        "reconciliation/exceptions/", ReconExceptionViewSet.as_view({"get": "list"}), name="reconciliation-exceptions"
    ),
    path(
        "reconciliation/runs/",
        recon_view({"post": "create", "get": "list"}, parser_classes=[UploadParser]),
        name="reconciliation-runs",
    ),
    path("reconciliation/runs/<str:pk>/", recon_view({"get": "retrieve"}), name="reconciliation-run"),
    path("reconciliation/items/", recon_view({"get": "items"}), name="reconciliation-items"),
    path("payouts/", payout_view({"post": "create", "get": "list"}), name="payouts"),
    path("payouts/<str:pk>/", payout_view({"get": "retrieve"}), name="payout"),
    path("payouts/<str:pk>/approve/", payout_view({"post": "approve"}), name="payout-approve"),
    path("payouts/<str:pk>/reject/", payout_view({"post": "reject"}), name="payout-reject"),
    path("payouts/<str:pk>/cancel/", payout_view({"post": "cancel"}), name="payout-cancel"),
    path("payouts/<str:pk>/retry/", payout_view({"post": "retry"}), name="payout-retry"),
    path(
        "payout-batches/",
        payout_batch_view({"post": "create", "get": "list"}, parser_classes=[StrictJSONParser, CsvParser]),
        name="payout-batches",
    ),
    path("payout-batches/<str:pk>/", payout_batch_view({"get": "retrieve"}), name="payout-batch"),
    path("payout-batches/<str:pk>/approve/", payout_batch_view({"post": "approve"}), name="payout-batch-approve"),
    path("payout-batches/<str:pk>/reject/", payout_batch_view({"post": "reject"}), name="payout-batch-reject"),
    path("payout-batches/<str:pk>/cancel/", payout_batch_view({"post": "cancel"}), name="payout-batch-cancel"),
    path("payout-destinations/", destination_view({"post": "create", "get": "list"}), name="payout-destinations"),
    path(
        "payout-destinations/<str:pk>/",
        destination_view({"get": "retrieve", "patch": "update", "delete": "destroy"}),
        name="payout-destination",
    ),
]
