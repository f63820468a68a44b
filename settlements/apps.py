"""Django's card of this app."""

from django.apps import AppConfig


class SettlementsConfig(AppConfig):
    name = "settlements"
