"""Signing secrets in the database: sealed, several alive during a rotation, opened only to sign."""

import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import seal, unseal
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id
from webhooks.models import Secret
from webhooks.signing import new_secret

MAX_ALIVE = 5
CACHED, CACHED_SECONDS = 10_000, 60.0


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
        ciphertext=seal(clear, bound_to=_bound_to(key), merchant_id=merchant_id),
        last4=clear[-4:],
    )
    return clear


def open_secret(secret: Secret) -> str:
    """The clear text. Raises CannotOpen when the row or the keyring was changed."""
    return unseal(secret.ciphertext, bound_to=_bound_to(secret.pk), merchant_id=secret.merchant_id)


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


class SecretCache:
    """Clear texts by key, for one drain: which of them sign is looked up for every try, what they are only rarely."""

    def __init__(self) -> None:
        self._clear: dict[UUID, tuple[str, float]] = {}

    def open(self, keys: Sequence[UUID]) -> list[str]:
        """Raises CannotOpen when a row or the keyring was changed, and leaves out what is gone meanwhile."""
        moment = time.monotonic()
        missing = [key for key in keys if key not in self._clear or self._clear[key][1] < moment]
        if missing:
            if len(self._clear) > CACHED:
                self._clear.clear()
                missing = list(keys)
            for secret in Secret.objects.filter(pk__in=missing):
                self._clear[secret.pk] = open_secret(secret), moment + CACHED_SECONDS
        return [self._clear[key][0] for key in keys if key in self._clear]
