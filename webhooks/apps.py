"""Django's card of this app."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"
