"""Making exports. The life of an export is the settlements room's; only this room sees every table."""

import structlog
from django.db import connection, transaction

from onpoint_pay.kit.errors import Problem
from payments.selectors.exports import columns_of, rows_of_export
from settlements.models import Export
from settlements.services.export_files import Made, write_file
from settlements.services.exports import finish_export, give_up_lease, path_of, take_export

log = structlog.get_logger(__name__)
LARGEST_ROUND = 20


def make_exports() -> int:
    """Make the files that wait, one after another; returns how many are ready."""
    made = 0
    for _ in range(LARGEST_ROUND):
        row = take_export()
        if row is None:
            break
        try:
            finish_export(row, _make(row))
            made += 1
        except (OSError, Problem):
            # The disk is full, or a filter has meanwhile lost its meaning: told of as failed after a few tries.
            log.exception("export_not_made", export=str(row.id))
            give_up_lease(row)
    return made


def _make(row: Export) -> Made:
    """All rows come from one snapshot that changes nothing, however long the file takes."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = '120s'")
        rows = rows_of_export(row.type, row.filters, merchant_id=row.merchant_id, mode=row.mode)
        return write_file(path_of(row), rows, format=row.format, columns=columns_of(row.type))
