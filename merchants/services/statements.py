"""How far the provider's list of money received has been read, per account."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from merchants.models import ProviderAccount


def note_pulled(account_id: UUID, *, until: datetime) -> None:
    """Everything up to `until` is booked. Never goes back: a slower reader that began earlier says nothing new."""
    behind = Q(pulled_until__isnull=True) | Q(pulled_until__lt=until)
    ProviderAccount.objects.filter(behind, id=account_id).update(pulled_until=until)
