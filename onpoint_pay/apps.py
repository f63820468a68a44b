"""Django's card of the installation itself."""

from django.apps import AppConfig


class OnPointPayConfig(AppConfig):
    name = "onpoint_pay"

    def ready(self) -> None:
        # Makes our Celery application the current one wherever Django runs: jobs are rung from web and shell too.
        # The checks register themselves.
        from onpoint_pay import celery, checks  # noqa: F401
