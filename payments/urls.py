"""Paths of payments and of the providers' door."""

from django.urls import path

from payments.callback_views import collect, confirm, result, timeout, validate
from payments.views.actions import ActionViewSet, BulkViewSet
from payments.views.c2b import C2bAccountViewSet, C2bClaimViewSet, C2bReceiptViewSet
from payments.views.exports import ExportViewSet
from payments.views.limits import LimitsViewSet
from payments.views.payments import PaymentViewSet
from payments.views.privacy import ErasureViewSet, PrivacyExportViewSet
from payments.views.refunds import RefundViewSet
from payments.views.reports import ReportViewSet
from payments.views.standing import StandingViewSet

view = PaymentViewSet.as_view
action_view = ActionViewSet.as_view
bulk_view = BulkViewSet.as_view
account_view = C2bAccountViewSet.as_view
receipt_view = C2bReceiptViewSet.as_view
claim_view = C2bClaimViewSet.as_view
refund_view = RefundViewSet.as_view
export_view = ExportViewSet.as_view
report_view = ReportViewSet.as_view

urlpatterns = [
    path("merchant/limits/", LimitsViewSet.as_view({"get": "retrieve", "patch": "update"}), name="merchant-limits"),
    path("payments/", view({"get": "list"}), name="payments"),
    path("payments/initiate/", view({"post": "initiate"}), name="payment-initiate"),
    path("payments/status/", view({"post": "status"}), name="payment-status"),
    path("payments/status/<str:checkout_request_id>/", view({"get": "by_checkout"}), name="payment-by-checkout"),
    path("payments/transactions/", view({"get": "transactions"}), name="payment-transactions"),
    path("payments/refund/", refund_view({"post": "ask"}), name="payment-refund"),
    path("payments/mpesa/callback/", collect, name="callback-documented"),
    path("payments/mpesa/callback/<str:token>/", collect, name="callback-documented-token"),
    path("payments/mpesa/confirmation/", confirm, name="callback-confirm-documented"),
    path("payments/mpesa/confirmation/<str:token>/", confirm, name="callback-confirm-documented-token"),
    path("payments/mpesa/validation/", validate, name="callback-validate-documented"),
    path("payments/mpesa/validation/<str:token>/", validate, name="callback-validate-documented-token"),
    path("payments/quote/", action_view({"post": "quote"}), name="payment-quote"),
    path("payments/bulk/", bulk_view({"post": "create"}), name="payment-bulk"),
    path("payments/bulk/<str:pk>/", bulk_view({"get": "retrieve"}), name="payment-bulk-run"),
    path("payments/<str:pk>/", view({"get": "retrieve"}), name="payment"),
    path("payments/<str:pk>/timeline/", view({"get": "timeline"}), name="payment-timeline"),
    path("payments/<str:pk>/explanation/", action_view({"get": "explanation"}), name="payment-explanation"),
    path("payments/<str:pk>/resend/", action_view({"post": "resend"}), name="payment-resend"),
    path("payments/<str:pk>/cancel/", action_view({"post": "cancel"}), name="payment-cancel"),
    path("payments/<str:pk>/sync/", action_view({"post": "sync"}), name="payment-sync"),
    path("status/", StandingViewSet.as_view({"get": "show"}), name="status"),
    path("c2b/accounts/", account_view({"post": "create", "get": "list"}), name="c2b-accounts"),
    path("c2b/accounts/<str:pk>/", account_view({"get": "retrieve", "patch": "update"}), name="c2b-account"),
    path("c2b/accounts/<str:pk>/close/", account_view({"post": "close"}), name="c2b-account-close"),
    path("c2b/receipts/", receipt_view({"get": "list"}), name="c2b-receipts"),
    path("c2b/receipts/<str:pk>/", receipt_view({"get": "retrieve"}), name="c2b-receipt"),
    path("c2b/receipts/<str:pk>/suggestions/", receipt_view({"get": "suggestions"}), name="c2b-receipt-suggestions"),
    path("c2b/receipts/<str:pk>/match/", receipt_view({"post": "match"}), name="c2b-receipt-match"),
    path("c2b/receipts/<str:pk>/unmatch/", receipt_view({"post": "unmatch"}), name="c2b-receipt-unmatch"),
    path("c2b/claims/", claim_view({"post": "create", "get": "list"}), name="c2b-claims"),
    path("c2b/claims/<str:pk>/", claim_view({"get": "retrieve"}), name="c2b-claim"),
    path("refunds/", refund_view({"get": "list"}), name="refunds"),
    path("refunds/<str:pk>/", refund_view({"get": "retrieve"}), name="refund"),
    path("refunds/<str:pk>/approve/", refund_view({"post": "approve"}), name="refund-approve"),
    path("refunds/<str:pk>/cancel/", refund_view({"post": "cancel"}), name="refund-cancel"),
    path("refunds/<str:pk>/retry/", refund_view({"post": "retry"}), name="refund-retry"),
    path("exports/", export_view({"post": "create", "get": "list"}), name="exports"),
    path("exports/<str:pk>/", export_view({"get": "retrieve"}), name="export"),
    path("export-files/<str:token>/", export_view({"get": "fetch"}), name="export-file"),
    path("privacy/exports/", PrivacyExportViewSet.as_view({"post": "create"}), name="privacy-exports"),
    path("privacy/erasures/", ErasureViewSet.as_view({"post": "create", "get": "list"}), name="privacy-erasures"),
    path("privacy/erasures/<str:pk>/", ErasureViewSet.as_view({"get": "retrieve"}), name="privacy-erasure"),
    path("reports/payments/", report_view({"get": "payments"}), name="report-payments"),
    path("reports/failures/", report_view({"get": "failures"}), name="report-failures"),
    path("reports/refunds/", report_view({"get": "refunds"}), name="report-refunds"),
    path("reports/payouts/", report_view({"get": "payouts"}), name="report-payouts"),
    path("hooks/<str:token>/collect/", collect, name="callback"),
    path("hooks/<str:token>/confirm/", confirm, name="callback-confirm"),
    path("hooks/<str:token>/validate/", validate, name="callback-validate"),
    path("hooks/<str:token>/result/<str:kind>/", result, name="callback-result"),
    path("hooks/<str:token>/timeout/<str:kind>/", timeout, name="callback-timeout"),
]
