"""What a file truly is, by its content alone, and the bytes of it that are kept."""

from dataclasses import dataclass

import filetype

from onpoint_pay.kit.uploads.pdf import check_pdf
from onpoint_pay.kit.uploads.pictures import JPEG, PNG, clean_picture
from onpoint_pay.kit.uploads.refusal import FileRefused, refuse_two_in_one

PDF = "application/pdf"
EXTENSIONS = {PDF: "pdf", JPEG: "jpg", PNG: "png"}
# Refused as what it is: a PNG that moves.
MOVING_PNG = "image/apng"
# What the types are told apart by lies in here.
TOLD_BY = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A file fit to be kept: its true type, and its bytes, which for a picture were made anew."""

    content_type: str
    data: bytes


def check_file(data: bytes) -> Checked:
    """Raises FileRefused for anything but one sound PDF, JPEG or PNG, whatever its name or sender says it is."""
    if not data:
        raise FileRefused("empty", "The file is empty.")
    kind = filetype.guess_mime(data[:TOLD_BY])
    kind = PNG if kind == MOVING_PNG else kind
    if kind not in EXTENSIONS:
        raise FileRefused("type_not_accepted", "By its content the file is no PDF, JPEG or PNG.")
    refuse_two_in_one(data)
    if kind == PDF:
        check_pdf(data)
        return Checked(content_type=PDF, data=data)
    return Checked(content_type=kind, data=clean_picture(data, kind))
