"""The API of reconciliation: what does not fit on a merchant's own shortcodes."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from onpoint_pay.kit.api import ApiViewSet, list_answer, page_size
from onpoint_pay.openapi import CURSOR, LIMIT, sort_by
from settlements.selectors.recon import page_of_exceptions
from settlements.serializers.recon import ReconExceptionListSerializer, exception_body
from settlements.states import RECON_EXCEPTION_KINDS, RECON_EXCEPTION_STATES, RECON_SEVERITIES


def words(name: str, among: tuple[str, ...]) -> OpenApiParameter:
    description = f"One or several of {', '.join(among)}, separated by commas."
    return OpenApiParameter(name, OpenApiTypes.STR, description=description)


FILTERS = [
    words("kind", RECON_EXCEPTION_KINDS),
    words("status", RECON_EXCEPTION_STATES),
    words("severity", RECON_SEVERITIES),
    sort_by("opened_at", "amount"),
    LIMIT,
    CURSOR,
]


class ReconExceptionViewSet(ApiViewSet):
    """Exceptions on the shortcodes of the caller's merchant, in the caller's mode."""

    required_scopes = {"list": "ledger:read"}

    @extend_schema(
        operation_id="list_reconciliation_exceptions",
        summary="What does not fit on your own shortcodes, newest first",
        parameters=FILTERS,
        responses=ReconExceptionListSerializer,
    )
    def list(self, request: Request) -> Response:
        """Found when your shortcode's statement is compared with the books. Operators look into them; on a shortcode
        that several merchants share there are none to see.
        """
        found, turn = page_of_exceptions(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [exception_body(row) for row in found], turn=turn)
