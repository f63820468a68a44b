"""A QR code drawn from its text: versions 1 to 5, error correction level L, one mask, as a PNG image."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cache

_BLOCKS = ((1, 19, 7), (2, 34, 10), (3, 55, 15), (4, 80, 20), (5, 108, 26))
"""Version, data codewords, error correction codewords: at level L each of these versions is one single block."""

MOST_BYTES = 106
"""What the largest of these versions holds: its codewords less two for mode, length and end."""

_QUIET_MODULES = 4
_FINDER = 7
_BYTE_MODE = 0b0100
_PADDING = (0xEC, 0x11)
_FIELD_POLYNOMIAL = 0x11D
_FORMAT_LEVEL_L_MASK_0 = 0b111011111000100


@dataclass(slots=True)
class _Grid:
    """The modules of a code: True is dark, None not yet drawn. Rows from the top."""

    size: int
    modules: list[list[bool | None]]

    def draw(self, row: int, column: int, dark: bool) -> None:
        if 0 <= row < self.size and 0 <= column < self.size:
            self.modules[row][column] = dark


def draw_png(text: str, *, size: int) -> bytes:
    """A square PNG of `size` pixels, larger only where a module would get none. Raises ValueError for a long text."""
    grid = _draw(text.encode())
    scale = max(1, size // (grid.size + 2 * _QUIET_MODULES))
    width = max(size, grid.size + 2 * _QUIET_MODULES)
    before = (width - grid.size * scale) // 2
    drawn = [_stretch(row, scale, before=before, width=width) for row in grid.modules for _ in range(scale)]
    empty = b"\xff" * width
    return _png([empty] * before + drawn + [empty] * (width - before - len(drawn)))


def _stretch(row: list[bool | None], scale: int, *, before: int, width: int) -> bytes:
    pixels = b"\xff" * before + b"".join((b"\x00" if dark else b"\xff") * scale for dark in row)
    return pixels.ljust(width, b"\xff")


def _png(rows: list[bytes]) -> bytes:
    """Eight-bit grey rows as a PNG."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\x00" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _draw(data: bytes) -> _Grid:
    fitting = [block for block in _BLOCKS if len(data) <= block[1] - 2]
    if not fitting:
        raise ValueError(f"at most {MOST_BYTES} bytes fit")
    version, capacity, correction = fitting[0]
    codewords = _codewords(data, capacity)
    grid = _empty_grid(version)
    _place(grid, codewords + _correct(codewords, correction))
    return grid


def _codewords(data: bytes, capacity: int) -> list[int]:
    """Mode, length, bytes, end, then padding up to the capacity."""
    bits = f"{_BYTE_MODE:04b}{len(data):08b}" + "".join(f"{byte:08b}" for byte in data) + "0000"
    codewords = [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]
    return codewords + [_PADDING[index % 2] for index in range(capacity - len(codewords))]


def _multiply(one: int, other: int) -> int:
    """A product in the field of 256 elements."""
    product = 0
    while other:
        if other & 1:
            product ^= one
        one = one << 1 ^ (_FIELD_POLYNOMIAL if one & 0x80 else 0)
        other >>= 1
    return product


@cache
def _generator(degree: int) -> tuple[int, ...]:
    """Coefficients of the Reed-Solomon generator below the leading 1, highest power first."""
    polynomial, root = [1], 1
    for _ in range(degree):
        shifted = [*polynomial, 0]
        for index, coefficient in enumerate(polynomial):
            shifted[index + 1] ^= _multiply(coefficient, root)
        polynomial, root = shifted, _multiply(root, 2)
    return tuple(polynomial[1:])


def _correct(codewords: list[int], degree: int) -> list[int]:
    """The remainder of the division by the generator: the error correction codewords."""
    remainder = [0] * degree
    for codeword in codewords:
        factor = codeword ^ remainder[0]
        remainder = [
            left ^ _multiply(coefficient, factor)
            for left, coefficient in zip([*remainder[1:], 0], _generator(degree), strict=True)
        ]
    return remainder


def _empty_grid(version: int) -> _Grid:
    """The patterns every code of a version shares: finders, alignment, timing and format."""
    size = 17 + 4 * version
    grid = _Grid(size, [[None] * size for _ in range(size)])
    for row, column in ((0, 0), (0, size - _FINDER), (size - _FINDER, 0)):
        _draw_rings(grid, row + 3, column + 3, radius=4, light=(2, 4))
    if version > 1:
        _draw_rings(grid, size - _FINDER, size - _FINDER, radius=2, light=(1,))
    for index in range(8, size - 8):
        grid.draw(6, index, index % 2 == 0)
        grid.draw(index, 6, index % 2 == 0)
    _draw_format(grid)
    return grid


def _draw_rings(grid: _Grid, row: int, column: int, *, radius: int, light: tuple[int, ...]) -> None:
    """A square of rings around its middle, light at the given distances."""
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            grid.draw(row + down, column + right, max(abs(down), abs(right)) not in light)


def _draw_format(grid: _Grid) -> None:
    """The fifteen format bits, twice: around the upper left finder, and divided between the other two."""
    size = grid.size
    around = [(row, 8) for row in (0, 1, 2, 3, 4, 5, 7, 8)] + [(8, column) for column in (7, 5, 4, 3, 2, 1, 0)]
    divided = [(8, size - 1 - index) for index in range(8)] + [(size - 7 + index, 8) for index in range(7)]
    for index, (one, other) in enumerate(zip(around, divided, strict=True)):
        dark = bool(_FORMAT_LEVEL_L_MASK_0 >> index & 1)
        grid.draw(*one, dark)
        grid.draw(*other, dark)
    grid.draw(size - 8, 8, True)


def _place(grid: _Grid, codewords: list[int]) -> None:
    """Fills what is free in pairs of columns from the right, up and down in turn, and lays mask 0 over it."""
    bits = iter("".join(f"{codeword:08b}" for codeword in codewords))
    upward = True
    for right in (column for column in range(grid.size - 1, 0, -2)):
        right -= right <= 6
        for row in range(grid.size - 1, -1, -1) if upward else range(grid.size):
            for column in (right, right - 1):
                if grid.modules[row][column] is None:
                    grid.draw(row, column, (next(bits, "0") == "1") != ((row + column) % 2 == 0))
        upward = not upward
