"""Telling merchants about the reconciliation of their own shortcodes; of the platform's, nobody is told."""

from collections import Counter

from onpoint_pay.kit.clock import now
from settlements.models import ReconException, ReconRun
from settlements.serializers.recon import exception_body
from settlements.serializers.recon_runs import run_body
from settlements.states import RECON_CLOSED
from webhooks.services.outbox import publish_event

EXCEPTION, COMPLETED = "reconciliation.exception", "reconciliation.completed"
BATCH = 1000


def announce_exceptions(*, account: str, mode: str) -> dict[str, int]:
    """Publish the exceptions of an account that nobody was told of yet; returns how many there are of each kind.

    Must run in a transaction.
    """
    found: Counter[str] = Counter()
    untold = ReconException.objects.filter(account=account, mode=mode, told_at__isnull=True)
    for row in untold.order_by("id").iterator(chunk_size=BATCH):
        found[row.kind] += 1
        # What fitted after all before anybody was told is no news.
        if row.merchant_id is not None and row.status != RECON_CLOSED:
            publish_event(
                merchant_id=row.merchant_id,
                mode=mode,
                type=EXCEPTION,
                object_id=row.id,
                body_object=exception_body(row),
                previous=None,
                request_id=None,
            )
    untold.update(told_at=now())
    return dict(sorted(found.items()))


def announce_run(row: ReconRun) -> None:
    """Publish that a merchant's own account was reconciled. Must run in a transaction."""
    publish_event(
        merchant_id=row.merchant_id,
        mode=row.mode,
        type=COMPLETED,
        object_id=row.id,
        body_object=run_body(row),
        previous=None,
        request_id=None,
    )
