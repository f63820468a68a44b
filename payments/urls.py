"""Paths of payments and of the providers' door."""

from django.urls import path

from payments.callback_views import collect
from payments.views.payments import PaymentViewSet

view = PaymentViewSet.as_view

urlpatterns = [
    path("payments/", view({"get": "list"}), name="payments"),
    path("payments/initiate/", view({"post": "initiate"}), name="payment-initiate"),
    path("payments/status/", view({"post": "status"}), name="payment-status"),
    path("payments/status/<str:checkout_request_id>/", view({"get": "by_checkout"}), name="payment-by-checkout"),
    path("payments/transactions/", view({"get": "transactions"}), name="payment-transactions"),
    path("payments/mpesa/callback/", collect, name="callback-documented"),
    path("payments/mpesa/callback/<str:token>/", collect, name="callback-documented-token"),
    path("payments/<str:pk>/", view({"get": "retrieve"}), name="payment"),
    path("payments/<str:pk>/timeline/", view({"get": "timeline"}), name="payment-timeline"),
    path("hooks/<str:token>/collect/", collect, name="callback"),
]
