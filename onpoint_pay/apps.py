"""Django's card of the installation itself."""

from django.apps import AppConfig


class OnPointPayConfig(AppConfig):
    name = "onpoint_pay"

    def ready(self) -> None:
        # Makes our Celery application the current one wherever Django runs: jobs are rung from web and shell too.
        from onpoint_pay import celery  # noqa: F401
