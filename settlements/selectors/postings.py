"""Postings behind a payout or a batch, each with its entries and their accounts, for an operator's eyes."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from settlements.models import LedgerEntry, LedgerTransfer, Payout, PayoutBatch, ReconLine, Settlement, SettlementLine

SHOWN_AT_MOST = 200


def transfers_named(names: Sequence[str]) -> list[LedgerTransfer]:
    """The transfers of these names, oldest first."""
    return _whole(LedgerTransfer.objects.filter(idem__in=names))


def transfers_of_payout(payout_id: UUID) -> list[LedgerTransfer]:
    return _whole(LedgerTransfer.objects.filter(idem__startswith=f"po:{payout_id}:"))


def transfers_of_settlement(row: Settlement) -> list[LedgerTransfer]:
    """Its release, and the return of its reserve."""
    keys = [key for key in (row.release_transfer_id, row.reserve_transfer_id) if key is not None]
    return _whole(LedgerTransfer.objects.filter(id__in=keys))


def transfers_of_key(key: UUID | None) -> list[LedgerTransfer]:
    return [] if key is None else _whole(LedgerTransfer.objects.filter(id=key))


def first_lines_of(row: Settlement) -> list[SettlementLine]:
    rows = SettlementLine.objects.filter(settlement=row).select_related("transfer")
    return list(rows.order_by("id")[:SHOWN_AT_MOST])


def first_payouts_of(row: PayoutBatch) -> list[Payout]:
    return list(Payout.objects.filter(batch=row).order_by("line")[:SHOWN_AT_MOST])


def lines_at(line: ReconLine | None) -> list[ReconLine]:
    """The line of a statement, and what the same statement account says under the same name."""
    if line is None:
        return []
    same = Q(id=line.id)
    if line.external_id:
        same |= Q(account=line.account, mode=line.mode, external_id=line.external_id)
    return list(ReconLine.objects.filter(same).order_by("id")[:SHOWN_AT_MOST])


def _whole(rows: QuerySet[LedgerTransfer]) -> list[LedgerTransfer]:
    entries = Prefetch("entries", LedgerEntry.objects.select_related("account").order_by("-side", "id"))
    return list(rows.prefetch_related(entries).order_by("posted_at", "id")[:SHOWN_AT_MOST])
