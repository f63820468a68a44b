"""Places at a merchant that wait for somebody to take them."""

from django.db import models
from django.db.models import Q

from merchants.models.merchants import CUSTOM, Merchant, Role, User, custom_only, one_of
from merchants.models.roles import CustomRole
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import KeyedModel
from onpoint_pay.kit.ids import to_public


class Invitation(KeyedModel):
    """A role offered by mail: taken once, until `expires_at`, by whoever reads the mailbox. Its token is a digest here.

    `accepted_at` and `revoked_at` end it; a newer one to the same address revokes it.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="+")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=16)
    custom_role = models.ForeignKey(CustomRole, on_delete=models.CASCADE, null=True, related_name="+")
    digest = models.BinaryField(unique=True)
    # Whoever invites must still be in a place to do so when it is taken.
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "merchants_invitation"
        indexes = [
            models.Index(fields=["merchant", "-id"], name="invitation_list"),
            models.Index(fields=["expires_at"], name="invitation_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_open_once",
            ),
            one_of("role", [*Role.values, CUSTOM], "invitation_role"),
            custom_only("invitation_custom_role"),
            models.CheckConstraint(
                condition=Q(accepted_at=None, accepted_by=None)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False, revoked_at=None),
                name="invitation_taken_by",
            ),
        ]

    @property
    def public_id(self) -> str:
        return to_public("ivt", self.id)

    @property
    def role_name(self) -> str:
        return self.role if self.custom_role_id is None else to_public("rol", self.custom_role_id)

    @property
    def status(self) -> str:
        """open, accepted, revoked or expired."""
        if self.accepted_at is not None:
            return "accepted"
        if self.revoked_at is not None:
            return "revoked"
        return "open" if self.expires_at > now() else "expired"
