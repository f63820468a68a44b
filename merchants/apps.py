"""The Django application."""

from django.apps import AppConfig


class MerchantsConfig(AppConfig):
    name = "merchants"
