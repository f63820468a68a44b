"""Exceptions of reconciliation on a merchant's own shortcodes. Always within one merchant and mode."""

from collections.abc import Mapping

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.listing import Conditions, Page, one_of, page_of
from settlements.models import ReconException
from settlements.states import RECON_EXCEPTION_KINDS, RECON_EXCEPTION_STATES, RECON_SEVERITIES

CONDITIONS: Conditions = {
    "kind": one_of("kind", RECON_EXCEPTION_KINDS),
    "status": one_of("status", RECON_EXCEPTION_STATES),
    "severity": one_of("severity", RECON_SEVERITIES),
}


def page_of_exceptions(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[ReconException]:
    """One page by filter, newest first, and the cursor of the next; none of a shortcode that others share.

    Raises Invalid for unknown or unreadable filters, Problem cursor_invalid for a cursor of another query.
    """
    rows = ReconException.objects.scoped(caller.merchant_id, caller.mode)
    return page_of(rows, query, CONDITIONS, by="opened_at", limit=limit)
