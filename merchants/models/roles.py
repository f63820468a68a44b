"""Roles that a merchant has made for itself."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from merchants.models.merchants import Merchant, Scope
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import KeyedModel
from onpoint_pay.kit.ids import to_public

# What no key may hold and a role may: accounts at providers, the team, limits.
PERSONAL = ("accounts:write", "team:write", "limits:write")
SCOPES = tuple(Scope.values)
GRANTABLE = (*SCOPES, *PERSONAL)


class CustomRole(KeyedModel):
    """A name and a set of scopes, the same in both modes; whoever holds it may do just that."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    scopes = ArrayField(models.CharField(max_length=32))
    created_by = models.TextField()
    created_at = models.DateTimeField(default=now)
    version = models.IntegerField(default=1)

    class Meta:
        db_table = "merchants_custom_role"
        constraints = [
            models.UniqueConstraint(fields=["merchant", "name"], name="custom_role_name_once"),
            models.CheckConstraint(condition=models.Q(scopes__contained_by=list(GRANTABLE)), name="custom_role_scopes"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="custom_role_version"),
        ]

    @property
    def public_id(self) -> str:
        return to_public("rol", self.id)
