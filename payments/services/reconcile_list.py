"""The provider's list of money received, as a source of reconciliation: kept as it was read, line by line, once."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

import orjson
import structlog

from merchants.models import ProviderAccount
from onpoint_pay.kit.clock import nairobi
from onpoint_pay.kit.entries import FileRefused
from payments.services.reconcile import reconcile
from providers.types import StatementLine
from settlements.models import ReconLine
from settlements.services.recon_import import import_statement
from settlements.services.recon_sources import LIST

log = structlog.get_logger(__name__)
SOURCE = "pull"


def keep_list(place: ProviderAccount, lines: Sequence[StatementLine], *, until: datetime) -> int:
    """Keep the lines that no list had before and compare them with the books; returns how many were new.

    What the list leaves out says nothing: only statements account for every movement.
    """
    account = f"{place.provider}:{place.shortcode}"
    fresh = _fresh(place, account, lines)
    if not fresh:
        return 0
    try:
        done = import_statement(
            BytesIO(orjson.dumps({"Response": [[_row(line) for line in fresh]]})),
            source=SOURCE,
            account=account,
            mode=place.mode,
            name=f"list until {nairobi(until):%Y-%m-%d %H:%M:%S}",
            actor="system",
        )
    except FileRefused as error:
        log.error("list_not_kept", account=place.public_id, why=str(error))
        return 0
    reconcile(account=account, mode=place.mode, is_whole=False)
    return done.lines_new


def _fresh(place: ProviderAccount, account: str, lines: Sequence[StatementLine]) -> list[StatementLine]:
    """The lines are read again and again, because the list may lag behind the money."""
    dated = [line for line in lines if line.occurred_at is not None]
    rows = ReconLine.objects.filter(account=account, mode=place.mode, family=LIST)
    known = set(rows.filter(external_id__in=[line.receipt for line in dated]).values_list("external_id", flat=True))
    return [line for line in dated if line.receipt not in known]


def _row(line: StatementLine) -> dict[str, Any]:
    """As the provider's own answer has it."""
    assert line.occurred_at is not None  # noqa: S101 - left out above
    return {
        "transactionId": line.receipt,
        "trxDate": f"{nairobi(line.occurred_at):%Y-%m-%d %H:%M:%S}",
        "msisdn": line.phone or "",
        "transactiontype": line.description,
        "billreference": line.account_reference,
        "amount": line.money.decimal_text(),
    }
