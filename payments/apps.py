"""Django's card of this app."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
