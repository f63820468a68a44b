"""Reading one upload: a form with one file, kept in memory, each part once."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser as DjangoMultiPartParser
from django.http.multipartparser import MultiPartParserError
from rest_framework.parsers import BaseParser

from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.uploads.names import check_name
from onpoint_pay.kit.uploads.refusal import file_too_large

FILE = "file"


class SentFile:
    """The bytes and the name somebody sent. As text it is its digest, so that repeats can be compared."""

    __slots__ = ("data", "name")

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data

    @property
    def sha256(self) -> str:
        return sha256(self.data).hexdigest()

    def __str__(self) -> str:
        return f"{self.name}:{self.sha256}"


class _InMemory(FileUploadHandler):
    """Nothing touches the disk before it was judged."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[SentFile] = []
        self.pieces: list[bytes] = []
        self.size = 0

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, *args, **kwargs)
        if self.found or field_name != FILE:
            raise Problem("parameter_invalid", "Send one file, in the part `file`.", param=FILE)
        self.pieces, self.size = [], 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.size += len(raw_data)
        if self.size > settings.MAX_FILE_BYTES:
            raise file_too_large()
        self.pieces.append(raw_data)

    def file_complete(self, file_size: int) -> None:
        self.found.append(SentFile(self.file_name or "", b"".join(self.pieces)))


class _Parser(DjangoMultiPartParser):
    """Refuses names rather than mending them."""

    def sanitize_file_name(self, file_name: str) -> str:
        return check_name(file_name)


class UploadParser(BaseParser):
    """`multipart/form-data` as a plain dictionary of texts, with the SentFile under `file`."""

    media_type = "multipart/form-data"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Raises Problem body_too_large, file_refused for its name, and parameter_invalid for parts sent twice."""
        request = (parser_context or {})["request"]
        meta = request.META | {"CONTENT_TYPE": media_type or ""}
        keeper = _InMemory()
        try:
            fields, _ = _Parser(meta, stream, [keeper], "utf-8").parse()
        except (TooManyFieldsSent, TooManyFilesSent, RequestDataTooBig):
            raise file_too_large() from None
        except (MultiPartParserError, SuspiciousOperation, ValueError, LookupError):
            raise Problem("parameter_invalid", "The body cannot be read as multipart/form-data.") from None
        found = _each_once(fields)
        return found | {FILE: keeper.found[0]} if keeper.found else found


def _each_once(fields: Any) -> dict[str, Any]:
    faults = [
        Fault(param=str(name)[:64], code="parameter_invalid", detail="Sent more than once.")
        for name, values in fields.lists()
        if len(values) > 1
    ]
    if faults:
        raise Invalid(faults)
    return {name: values[0] for name, values in fields.lists()}
