"""The part of a form that is a file, as a field of a serializer."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from onpoint_pay.kit.uploads.multipart import SentFile


@extend_schema_field(OpenApiTypes.BINARY)
class SentFileField(serializers.Field[SentFile, Any, Any, Any]):
    """The SentFile that UploadParser found."""

    def to_internal_value(self, data: Any) -> SentFile:
        if not isinstance(data, SentFile):
            raise serializers.ValidationError("This part must be a file.", code="parameter_invalid")
        return data
