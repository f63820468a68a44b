"""Django's card of the operators' pages."""

from django.contrib.admin.apps import AdminConfig


class OperatorsConfig(AdminConfig):
    """Finds the `admin` of each room, which register with our site."""

    default_site = "onpoint_pay.operators.site.OperatorsSite"
