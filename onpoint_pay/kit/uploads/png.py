"""The frame of a PNG: its size in pixels, that it is whole, and its chunks that make the picture."""

import zlib
from collections.abc import Iterator

from onpoint_pay.kit.uploads.refusal import FileRefused

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What a picture is made of; everything else is text, profiles and times, which are not kept.
NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
MOST_CHUNKS = 20_000
Size = tuple[int, int]


def png_size(data: bytes) -> tuple[Size, bytes]:
    """Width and height, and the file with its needed chunks alone.

    Raises FileRefused for a picture that is cut off, moves, or has more behind it.
    """
    kept, size = [SIGNATURE], (0, 0)
    for number, (kind, whole) in enumerate(_chunks(data)):
        if (number == 0) != (kind == b"IHDR") or number > MOST_CHUNKS:
            raise _damaged()
        if kind in ANIMATION:
            raise FileRefused("animated", "The picture moves; send one still picture.")
        if kind == b"IHDR":
            size = int.from_bytes(whole[8:12], "big"), int.from_bytes(whole[12:16], "big")
        if kind in NEEDED:
            kept.append(whole)
        elif not kind[0] & 0x20:
            raise _damaged()
    return size, b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and bytes of each chunk, to the one that ends the file."""
    position, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        length = int.from_bytes(data[position : position + 4], "big")
        whole = data[position : position + 12 + length]
        kind = whole[4:8]
        if len(whole) != 12 + length or zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:], "big"):
            raise _damaged()
        yield kind, whole
        position += len(whole)
    if position != len(data):
        raise FileRefused("trailing_data", "Something follows the end of the PNG; save it anew and send that.")


def _damaged() -> FileRefused:
    return FileRefused("truncated", "The picture is cut off or damaged; send it again, or save it anew.")
