"""The operators themselves, for whoever watches over them; only a terminal changes them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.operators import shown
from audit.operators.pages import OperatorPage
from audit.operators.rights import Right
from merchants.models import Operator


@admin.register(Operator)
class OperatorRowPage(OperatorPage):
    """A person with platform roles."""

    heading = "Operators"
    sees = Right.AUDIT
    prefix = "usr"
    list_display = ("shown_id", "shown_roles", "can_sign_in", "shown_since")
    fields = ("shown_id", "shown_email", "shown_roles", "can_sign_in", "shown_since")
    shown_id = shown.public_id("usr")
    shown_since = shown.moment("created_at", label="since")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Operator]:
        return super().get_queryset(request).select_related("user", "user__totp")

    @admin.display(description="roles")
    def shown_roles(self, row: Operator) -> str:
        return ", ".join(row.roles)

    @admin.display(description="e-mail")
    def shown_email(self, row: Operator) -> str:
        return shown.mask_email(row.user.email)

    @admin.display(description="can sign in", boolean=True)
    def can_sign_in(self, row: Operator) -> bool:
        totp = getattr(row.user, "totp", None)
        return row.user.is_active and totp is not None and totp.confirmed_at is not None
