"""What every list answers, for the description of the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers


@extend_schema_serializer(many=False)
class PageSerializer(serializers.Serializer[Any]):
    object = serializers.CharField(default="list")
    url = serializers.CharField()
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)
    previous_cursor = serializers.CharField(allow_null=True)
    total = serializers.IntegerField(required=False, help_text="With `include=total`: exact up to 10,000.")
    total_is_estimate = serializers.BooleanField(required=False, help_text="With `include=total`: there are more.")
