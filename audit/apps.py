"""Django's card of this app."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class AuditConfig(AppConfig):
    name = "audit"

    def ready(self) -> None:
        from audit.checks import signing_key_is_set

        register(signing_key_is_set, Tags.security, deploy=True)
