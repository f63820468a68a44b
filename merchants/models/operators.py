"""People who run the installation, and what they may do in its pages."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from audit.operators.rights import PLATFORM_ROLES
from merchants.models.merchants import User
from onpoint_pay.kit.clock import now


class Operator(models.Model):
    """A person with platform roles. Only a terminal makes, changes and removes one."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="operator")
    roles = ArrayField(models.CharField(max_length=16))
    created_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "merchants_operator"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=list(PLATFORM_ROLES)) & models.Q(roles__len__gt=0),
                name="operator_roles",
            )
        ]
