"""Signing secrets in the database: sealed, several alive during a rotation, opened only to sign."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import seal, unseal
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id
from webhooks.models import Secret
from webhooks.signing import new_secret

MAX_ALIVE = 5
CURRENT_FIRST = F("expires_at").desc(nulls_first=True)


def _bound_to(secret_id: UUID) -> str:
    return f"webhooks_secret.ciphertext.{secret_id}"


def keep_secret(*, merchant_id: UUID, mode: str, endpoint_id: UUID | None) -> str:
    """Store a new current secret and return its clear text, which is never readable by a merchant again.

    Raises IntegrityError when there is a current one already.
    """
    clear, key = new_secret(), new_id()
    Secret.objects.create(
        id=key,
        merchant_id=merchant_id,
        mode=mode,
        endpoint_id=endpoint_id,
        ciphertext=seal(clear, bound_to=_bound_to(key)),
        last4=clear[-4:],
    )
    return clear


def open_secret(secret: Secret) -> str:
    """The clear text. Raises CannotOpen when the row or the keyring was changed."""
    return unseal(secret.ciphertext, bound_to=_bound_to(secret.pk))


def replace_secret(*, merchant_id: UUID, mode: str, endpoint_id: UUID | None, overlap_hours: int) -> str:
    """A new current secret; the earlier ones sign along for `overlap_hours` at most, 0 ends them at once.

    The caller holds the lock that keeps two rotations apart. Raises Problem state_conflict at five live secrets.
    """
    moment = now()
    ends_at = moment + timedelta(hours=overlap_hours)
    owner = Q(endpoint=None) if endpoint_id is None else Q(endpoint_id=endpoint_id)
    earlier = Secret.objects.filter(owner, merchant_id=merchant_id, mode=mode)
    earlier.filter(Q(expires_at=None) | Q(expires_at__gt=ends_at)).update(expires_at=ends_at)
    if earlier.filter(expires_at__gt=moment).count() >= MAX_ALIVE:
        raise Problem("state_conflict", f"{MAX_ALIVE} secrets are alive: wait for one to end, or use overlap_hours 0.")
    return keep_secret(merchant_id=merchant_id, mode=mode, endpoint_id=endpoint_id)


def live_secrets(*, endpoint_ids: Iterable[UUID], merchant_ids: Iterable[UUID], at: datetime) -> list[Secret]:
    """Every secret that signs at `at` for these endpoints, and the default ones of these merchants; newest first."""
    owned = Q(endpoint_id__in=list(endpoint_ids)) | Q(endpoint=None, merchant_id__in=list(merchant_ids))
    alive = Q(expires_at=None) | Q(expires_at__gt=at)
    return list(Secret.objects.filter(owned & alive).order_by(CURRENT_FIRST, "-created_at", "-id"))
