"""The API of payers' requests: parse, one service call, answer."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.permissions import PRIVACY
from onpoint_pay.kit.api import (
    ApiViewSet,
    json_answer,
    key_from,
    list_answer,
    page_size,
    request_id_of,
    validated,
)
from onpoint_pay.openapi import CURSOR, LIMIT, refuses
from payments.selectors.privacy import erasure_by_id, page_of_erasures
from payments.serializers.privacy import (
    ErasureListSerializer,
    ErasureSerializer,
    PayerSerializer,
    PrivacyExportSerializer,
    erasure_body,
)
from payments.services.privacy import ask_erasure, export_for
from payments.services.privacy_subject import Asked

ERASURE_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The erasure's id, ers_….")
TOO_FAR = ("email_invalid", "phone_invalid", "step_up_required")


def asked_in(request: Request) -> Asked:
    return Asked(**validated(PayerSerializer(data=request.data)))


class PrivacyExportViewSet(ApiViewSet):
    """What is kept of one payer. For owners in person, who have just proved who they are."""

    required_scopes = {"create": PRIVACY}
    rate_policies = {"create": "export"}

    @extend_schema(
        operation_id="export_payer",
        summary="All that is kept of one payer",
        request=PayerSerializer,
        responses={200: PrivacyExportSerializer},
        extensions=refuses("unknown_parameter", *TOO_FAR),
    )
    def create(self, request: Request) -> HttpResponse:
        """In both modes. Told to nobody but you, and audited without the payer's name."""
        return json_answer(export_for(self.caller, asked_in(request)))


class ErasureViewSet(ApiViewSet):
    """Payers who are to be forgotten. For owners in person, who have just proved who they are."""

    required_scopes = dict.fromkeys(("create", "list", "retrieve"), PRIVACY)

    @extend_schema(
        operation_id="erase_payer",
        summary="Forget one payer",
        request=PayerSerializer,
        responses={202: ErasureSerializer},
        extensions=refuses("unknown_parameter", "state_conflict", *TOO_FAR),
    )
    def create(self, request: Request) -> HttpResponse:
        """Name, phone and e-mail address are taken out of everything that is kept, in both modes; amounts, states,
        receipts and the books stay as the law asks. It waits for webhooks that are due, and cannot be undone.
        """
        row = ask_erasure(self.caller, asked_in(request), request_id=request_id_of(request))
        answer = json_answer(erasure_body(row), 202)
        answer["Location"] = f"/api/v1/privacy/erasures/{erasure_body(row)['id']}/"
        return answer

    @extend_schema(
        operation_id="list_erasures",
        summary="Erasures, newest first",
        parameters=[LIMIT, CURSOR],
        responses=ErasureListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_erasures(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [erasure_body(row) for row in found], turn=turn)

    @extend_schema(
        operation_id="get_erasure", summary="One erasure", parameters=[ERASURE_ID], responses=ErasureSerializer
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(erasure_body(erasure_by_id(self.caller, key_from("ers", pk))))
