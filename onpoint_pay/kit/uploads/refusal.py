"""How a file is refused, and what no accepted file may hold near its beginning or after its end."""

from django.conf import settings

from onpoint_pay.kit.errors import Problem

HEAD_BYTES = 1024
# A ZIP is read from its end: its directory may have so much comment behind it.
ZIP_TAIL_BYTES = 22 + 65_535
ZIP_DIRECTORY = b"PK\x05\x06"
MARKUP = (b"<html", b"<!doctype", b"<script", b"<svg", b"<body", b"<iframe", b"<?php", b"<?xml-stylesheet")
# Programs and archives that are found although something else stands before them.
FOREIGN = (b"PK\x03\x04", b"GIF87a", b"GIF89a", b"\x7fELF", b"Rar!\x1a", b"7z\xbc\xaf\x27\x1c")


class FileRefused(Problem):
    """400 file_refused; `reason` is one short word for programs, `detail` tells a person what to do."""

    def __init__(self, reason: str, detail: str, *, next_step: str | None = None) -> None:
        self.reason = reason
        super().__init__("file_refused", detail, param="file", next_step=next_step, extra={"reason": reason})


def file_too_large() -> Problem:
    most = settings.MAX_FILE_BYTES
    size = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most} bytes"
    return Problem("body_too_large", next_step=f"Send a file of at most {size}.", param="file")


def refuse_two_in_one(data: bytes) -> None:
    """Raises FileRefused when other programs would take the file for something else than it says it is."""
    head = data[:HEAD_BYTES]
    if has_markup(head) or any(mark in head[1:] for mark in FOREIGN) or b"%PDF-" in head[1:]:
        raise FileRefused("polyglot", "The file begins like two kinds of file at once; save it anew and send that.")
    if ZIP_DIRECTORY in data[-ZIP_TAIL_BYTES:]:
        raise FileRefused("polyglot", "There is an archive inside of the file; save it anew and send that.")


def has_markup(data: bytes) -> bool:
    lower = data.lower()
    return any(mark in lower for mark in MARKUP)
