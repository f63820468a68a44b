"""The frame of a JPEG: its size in pixels, that it is whole, and what may follow its end."""

import re

from onpoint_pay.kit.uploads.refusal import FileRefused, has_markup

END = 0xD9
SCAN = 0xDA
# Start of frame, but for the three codes in that row which are tables.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Within a scan, FF is followed by 00 or a restart mark until the next segment.
AFTER_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
# Each scan of a progressive picture is decoded over all of it.
MOST_SCANS = 64
Size = tuple[int, int]


def jpeg_size(data: bytes) -> Size:
    """Width and height as the frame says. Raises FileRefused for a picture that is cut off or has more behind it."""
    size, scans, position = (0, 0), 0, 2
    while True:
        marker, position = _marker(data, position)
        if marker == END:
            break
        segment = _segment(data, position)
        if marker in FRAMES and size == (0, 0):
            size = int.from_bytes(segment[3:5], "big"), int.from_bytes(segment[1:3], "big")
        position += 2 + len(segment)
        if marker == SCAN:
            scans += 1
            position = _end_of_scan(data, position)
        if scans > MOST_SCANS:
            raise FileRefused("damaged", "The JPEG is built in a way that no camera or scanner uses; save it anew.")
    _refuse_rest(data[position:])
    return size


def _marker(data: bytes, position: int) -> tuple[int, int]:
    """The code at `position`, any number of FF before it, and where its segment begins."""
    start = position
    while data[position : position + 1] == b"\xff":
        position += 1
    if position == start or position >= len(data):
        raise truncated()
    return data[position], position + 1


def _segment(data: bytes, position: int) -> bytes:
    length = int.from_bytes(data[position : position + 2], "big")
    segment = data[position + 2 : position + length]
    if length < 2 or len(segment) != length - 2:
        raise truncated()
    return segment


def _end_of_scan(data: bytes, position: int) -> int:
    found = AFTER_SCAN.search(data, position)
    if found is None:
        raise truncated()
    return found.start()


def _refuse_rest(rest: bytes) -> None:
    """Phones put a second picture or their own block behind the first; the copy we keep has neither."""
    rest = rest.strip(b"\x00\r\n")
    is_picture = rest.startswith(b"\xff\xd8\xff") and rest.endswith(b"\xff\xd9")
    is_camera_block = rest.endswith(b"SEFT") and b"SEFH" in rest
    if rest and (not (is_picture or is_camera_block) or has_markup(rest)):
        raise FileRefused("trailing_data", "Something follows the end of the JPEG; save it anew and send that.")


def truncated() -> FileRefused:
    return FileRefused("truncated", "The picture is cut off or damaged; send it again, or take it anew.")
