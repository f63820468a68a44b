"""The bytes of statements at rest: in pieces, compressed, and sealed because a statement names people."""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from onpoint_pay.kit.crypto import seal, unseal

PIECE = 1024 * 1024


def sealed_pieces(stream: BinaryIO, *, place: str) -> Iterator[tuple[int, bytes]]:
    """Each piece from where `stream` stands, with its number; it opens in this place only, `table.column:id`."""
    number = 0
    while piece := stream.read(PIECE):
        packed = b64encode(zlib.compress(piece, 6)).decode()
        yield number, seal(packed, bound_to=f"{place}:{number}").encode()
        number += 1


def opened_pieces(parts: Iterable[tuple[int, bytes | memoryview]], *, place: str) -> Iterator[bytes]:
    """The pieces as they came. Raises CannotOpen for one of another place."""
    for number, body in parts:
        yield zlib.decompress(b64decode(unseal(bytes(body).decode(), bound_to=f"{place}:{number}")))
