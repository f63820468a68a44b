"""Refusals of permission in the chain: outside the refused work, and few enough that nobody can flood it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from django.core.cache import cache
from django.db import transaction

from audit.services import record
from onpoint_pay.kit.crypto import sha256
from onpoint_pay.kit.ratelimit import spend

log = structlog.get_logger(__name__)
ACTION = "permission.refused"
# One link for the same refusal of the same caller in so many seconds; more are only counted.
SECONDS = 300
POLICY = "audit_refusals"


def note_refusal(
    *, merchant_id: UUID | None, actor: str, code: str, place: str = "", detail: Mapping[str, Any] | None = None
) -> bool:
    """Write that `actor` was refused with `code` at `place`, in the merchant's chain or (None) the platform's.

    True when a link was added.

    The same once in five minutes, and so many for one merchant in an hour as the policy says; none while the cache,
    which counts them, is away. Never fails the caller.
    """
    try:
        if not _is_new(f"{merchant_id}:{actor}:{code}:{place}") or spend(POLICY, key=str(merchant_id)) is not None:
            return False
        with transaction.atomic():
            told = {"code": code, "place": place} | dict(detail or {})
            record(merchant_id=merchant_id, actor=actor, action=ACTION, detail=told)
    except Exception as failure:  # noqa: BLE001 - an answer is owed, whatever happens to the note of it
        log.warning("refusal_not_recorded", code=code, error=type(failure).__name__)
        return False
    return True


def _is_new(name: str) -> bool:
    try:
        return bool(cache.add(f"refused:{sha256(name.encode()).hex()[:32]}", 1, SECONDS))
    except Exception as failure:  # noqa: BLE001 - whatever the cache does, an answer is owed
        log.warning("refusal_not_counted", error=type(failure).__name__)
        return False
