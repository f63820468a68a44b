"""Parameters and answers that operations of webhooks share in the OpenAPI document."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from onpoint_pay.openapi import CURSOR, LIMIT

READ, WRITE = "webhooks:read", "webhooks:write"


def path_id(description: str) -> OpenApiParameter:
    return OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description=description)


def text_filter(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description)


NO_CONTENT = OpenApiResponse(description="Done.")
ENDPOINT_ID = path_id("The endpoint's id, whe_….")
EVENT_ID = path_id("The event's id, evt_….")
DELIVERY_ID = path_id("The delivery's id, whd_….")
RECOVERY_ID = path_id("The recovery's id, whr_….")
OF_ENDPOINT = text_filter("endpoint", "The endpoint's id, whe_….")
OF_TYPE = text_filter("type", "A type, or payment.* for all of one kind.")
PAGE = [LIMIT, CURSOR]
URL_REFUSALS = ("unknown_parameter", "callback_url_invalid", "callback_url_forbidden")
