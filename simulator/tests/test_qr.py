"""Dynamic QR: the answer, the image in it, and the code in the image."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import httpx
import pytest

from simulator.qr_code import MOST_BYTES, draw_png
from simulator.tests.harness import Daraja, assert_shape

PATH = "/mpesa/qrcode/v1/generate"
ORDER = {"MerchantName": "ONPOINT DEMO", "RefNo": "INV-20418", "Amount": 1500, "TrxCode": "PB", "CPI": "600987"}


def generate(daraja: Daraja, **changes: Any) -> httpx.Response:
    order = ORDER | {"Size": "300"} | changes
    return daraja.post(PATH, {name: value for name, value in order.items() if value is not None})


def modules(image: bytes) -> list[str]:
    """The code in a PNG drawn at one pixel for each module, `#` for dark, without its margin."""
    width, height, depth, colours = struct.unpack(">IIBB", image[16:26])
    assert (width, depth, colours) == (height, 8, 0)
    start = image.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", image[start - 8 : start - 4])
    pixels = zlib.decompress(image[start : start + length])
    rows = [pixels[row * (width + 1) + 1 : (row + 1) * (width + 1)] for row in range(height)]
    return ["".join(" #"[shade == 0] for shade in row[4:-4]) for row in rows[4:-4]]


@pytest.mark.parametrize("kind", ["BG", "PB", "WA", "SM", "SB"])
def test_the_answer(daraja: Daraja, kind: str) -> None:
    response = generate(daraja, TrxCode=kind)
    assert response.status_code == 200
    body = response.json()
    assert list(body) == ["ResponseCode", "RequestID", "ResponseDescription", "QRCode"]
    assert (body["ResponseCode"], body["ResponseDescription"]) == ("00", "QR Code Successfully Generated.")
    assert base64.b64decode(body["QRCode"], validate=True).startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(("size", "expected"), [("300", 300), ("1", 37), (1000, 1000)])
def test_the_size_is_kept_unless_the_code_needs_more(daraja: Daraja, size: Any, expected: int) -> None:
    image = base64.b64decode(generate(daraja, Size=size).json()["QRCode"])
    assert struct.unpack(">II", image[16:24]) == (expected, expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MerchantName", None),
        ("RefNo", ""),
        ("Amount", 0),
        ("Amount", "1.5"),
        ("TrxCode", "XX"),
        ("CPI", None),
        ("CPI", "abc"),
        ("Size", "0"),
        ("Size", "9999"),
    ],
)
def test_a_bad_field_is_named(daraja: Daraja, name: str, value: Any) -> None:
    response = generate(daraja, **{name: value})
    assert (response.status_code, response.json()["errorMessage"]) == (400, f"Bad Request - Invalid {name}")


def test_the_token_is_checked(daraja: Daraja) -> None:
    daraja.control("DELETE", "tokens")
    response = generate(daraja)
    assert response.status_code == 401
    assert_shape(response.json(), "error_invalid_access_token_404_001_03.json")


def test_long_texts_are_cut_not_refused(daraja: Daraja) -> None:
    assert generate(daraja, MerchantName="é" * 50, RefNo="x" * 50).status_code == 200


# Drawn from the text below, and read back by OpenCV's detector, as were texts of every length that fits.
TEXT = "PB|600987|1500"
DRAWN = [
    "#######   # # #######",
    "#     #     # #     #",
    "# ### # # #   # ### #",
    "# ### #     # # ### #",
    "# ### #  #  # # ### #",
    "#     #  ###  #     #",
    "####### # # # #######",
    "        # ##         ",
    "### ##### # ###   #  ",
    "#  # # ###  ### ## # ",
    "# ##  ##### # # #  ##",
    "   ###    ## #     # ",
    "# ### #  #  ##   #  #",
    "        ### #   # #  ",
    "####### # # ##  # ###",
    "#     # ###    # # ##",
    "# ### # ## ###  ## # ",
    "# ### #  ## # # #  # ",
    "# ### # # # # # #   #",
    "#     # #    # # # # ",
    "####### #   ##  ## ##",
]


def test_the_modules_of_a_code_that_was_read_back() -> None:
    assert modules(draw_png(TEXT, size=1)) == DRAWN


def test_what_does_not_fit_is_an_error() -> None:
    draw_png("x" * MOST_BYTES, size=1)
    with pytest.raises(ValueError, match="106 bytes"):
        draw_png("x" * (MOST_BYTES + 1), size=1)
