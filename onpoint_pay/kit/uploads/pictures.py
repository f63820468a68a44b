"""Pictures made anew: the pixels are kept, and nothing that came with them."""

import io
import threading

from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from onpoint_pay.kit.uploads.jpeg import jpeg_size
from onpoint_pay.kit.uploads.png import png_size
from onpoint_pay.kit.uploads.refusal import FileRefused

JPEG, PNG = "image/jpeg", "image/png"
MOST_PIXELS = 40_000_000
LONGEST_SIDE = 20_000
# Made anew a picture may be larger than it came; past this it is no photograph of a paper.
LARGEST_RESULT = 20 * 1024 * 1024
QUALITY = 90
# A picture of 40 megapixels takes 160 MB while it is open: one at a time in each process.
_one_at_a_time = threading.Lock()


def clean_picture(data: bytes, kind: str) -> bytes:
    """The picture decoded and encoded anew, upright, without metadata; `kind` is JPEG or PNG.

    Raises FileRefused, for too many pixels before anything is decoded.
    """
    if kind == JPEG:
        size, needed = jpeg_size(data), data
    else:
        size, needed = png_size(data)
    _refuse_size(size)
    with _one_at_a_time:
        made = _made_anew(needed, kind, size)
    if len(made) > LARGEST_RESULT:
        raise FileRefused("too_many_pixels", "The picture is too large; send a smaller copy, or a JPEG.")
    return made


def _refuse_size(size: tuple[int, int]) -> None:
    width, height = size
    if not (width and height):
        raise FileRefused("truncated", "The picture has no size; save it anew and send that.")
    if width * height > MOST_PIXELS or max(size) > LONGEST_SIDE:
        detail = f"The picture has {width} x {height} pixels; at most {MOST_PIXELS // 1_000_000} megapixels are taken."
        raise FileRefused("too_many_pixels", detail)


def _made_anew(data: bytes, kind: str, size: tuple[int, int]) -> bytes:
    try:
        # The classes themselves: guessing by Image.open would try every format it knows.
        picture: Image.Image = JpegImageFile(io.BytesIO(data)) if kind == JPEG else PngImageFile(io.BytesIO(data))
        if picture.size != size:
            raise ValueError("two sizes")
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
        plain = _plain(picture)
        out = io.BytesIO()
        if kind == JPEG:
            plain.save(out, "JPEG", quality=QUALITY)
        else:
            plain.save(out, "PNG")
    except Exception as error:  # noqa: BLE001 - whatever a damaged picture does to its decoder
        raise FileRefused("damaged", "The picture cannot be read; save it anew and send that.") from error
    return out.getvalue()


def _plain(picture: Image.Image) -> Image.Image:
    """Grey or colour at eight bits, transparent only where it was; palettes, profiles, comments and texts are gone."""
    if picture.mode.startswith("I"):
        # Sixteen bits of grey.
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    has_alpha = picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info
    wanted = "L" if picture.mode in ("1", "L") and not has_alpha else "RGBA" if has_alpha else "RGB"
    # A copy of so many pixels is worth avoiding.
    plain = picture if picture.mode == wanted else picture.convert(wanted)
    plain.info = {}
    return plain
