"""Django's card of this app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
