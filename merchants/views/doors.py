"""Doors that need no credential."""

from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from onpoint_pay.kit.proxies import client_block
from onpoint_pay.kit.ratelimit import count


class OpenDoorViewSet(ViewSet):
    """For whoever comes, counted by address."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        count(request._request, "auth", key=client_block(request.META["REMOTE_ADDR"]))
