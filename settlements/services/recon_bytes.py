"""The bytes of statements at rest: in pieces, compressed, and sealed because a statement names people."""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from onpoint_pay.kit.crypto import seal, unseal

PIECE = 1024 * 1024


def seal_piece(piece: bytes, *, place: str, number: int) -> bytes:
    """What is stored of one piece; it opens in this place only, `table.column:id`, and under its number."""
    packed = b64encode(zlib.compress(piece, 6)).decode()
    return seal(packed, bound_to=f"{place}:{number}").encode()


def open_piece(body: bytes | memoryview, *, place: str, number: int) -> bytes:
    """One piece as it came. Raises CannotOpen for one of another place."""
    return zlib.decompress(b64decode(unseal(bytes(body).decode(), bound_to=f"{place}:{number}")))


def sealed_pieces(stream: BinaryIO, *, place: str) -> Iterator[tuple[int, bytes]]:
    """Each piece from where `stream` stands, with its number."""
    number = 0
    while piece := stream.read(PIECE):
        yield number, seal_piece(piece, place=place, number=number)
        number += 1


def opened_pieces(parts: Iterable[tuple[int, bytes | memoryview]], *, place: str) -> Iterator[bytes]:
    """The pieces as they came. Raises CannotOpen for one of another place."""
    for number, body in parts:
        yield open_piece(body, place=place, number=number)
