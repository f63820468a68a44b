"""A PDF's structure: that it is whole and one file, and that nothing in it acts, hides or is encrypted.

Nothing is drawn or run here. Names are read in the whole file with their #xx spelling undone, also inside of the
compressed streams that objects may lie in; what cannot be looked into is refused.
"""

import re
import zlib
from collections.abc import Iterator

from onpoint_pay.kit.uploads.refusal import FileRefused

BLANK = rb"[\x00\t\n\x0c\r ]"
HEAD = re.compile(rb"%PDF-(1\.[0-7]|2\.0)[\r\n\t ]")
TAIL = re.compile(rb"startxref" + BLANK + rb"+(\d{1,10})" + BLANK + rb"+%%EOF" + BLANK + rb"{0,64}\Z")
TAIL_BYTES = 256
TABLE = re.compile(BLANK + rb"*(xref|\d{1,10}" + BLANK + rb"+\d{1,5}" + BLANK + rb"+obj)")
STREAM = re.compile(rb"(?<![A-Za-z])stream(?:\r\n|\n|\r)")
NAME = re.compile(rb"/([^\x00\t\n\x0c\r ()<>\[\]{}/%]{1,127})")
HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
# A place to open the file at, which does nothing.
PLACE = re.compile(BLANK + rb"*\[" + BLANK + rb"*\d+" + BLANK + rb"+\d+" + BLANK + rb"+R" + BLANK + rb"*/(XYZ|Fit)")
FLATE = re.compile(
    rb"/Filter" + BLANK + rb"*(/FlateDecode|\[" + BLANK + rb"*/FlateDecode" + BLANK + rb"*\])(?![A-Za-z#])"
)
# Bounded, so that a file of digits or blanks is not gone through again from each of them.
OBJECT = re.compile(rb"\d{1,10}" + BLANK + rb"{1,8}\d{1,5}" + BLANK + rb"{1,8}obj")
SIGNATURE = re.compile(rb"/Filter" + BLANK + rb"*/Adobe\.PPK(Lite|MS)(?![A-Za-z#])")
MOST_UNPACKED = 8 * 1024 * 1024
# No paper has as many; without a bound a small file could keep us busy for minutes.
MOST_NAMES = 1_000_000
MOST_SPELLED_OTHERWISE = 20_000

ENCRYPTED = b"Encrypt"
SCRIPTS = frozenset({b"JavaScript", b"JS", b"XFA"})
ACTIONS = frozenset({b"Launch", b"AA", b"SubmitForm", b"ImportData", b"GoToR", b"GoToE", b"Rendition", b"RichMedia"})
FILES = frozenset({b"EmbeddedFile", b"EmbeddedFiles"})
# By chance these stand in compressed bytes, so they count outside of them only.
SHORT = frozenset({b"JS", b"AA", b"XFA"})


def check_pdf(data: bytes) -> None:
    """Raises FileRefused for a PDF that is broken, encrypted, or holds more than pages."""
    _refuse_frame(data)
    _refuse_names(data, short_too=False)
    outside, packed = _parts(data)
    _refuse_names(outside, short_too=True)
    if len(packed) != sum(name == b"ObjStm" for name, _ in _names(data)):
        raise _damaged()
    inside, left = [], MOST_UNPACKED
    for words, content in packed:
        inside.append(_unpacked(words, content, most=left))
        left -= len(inside[-1])
        _refuse_names(inside[-1], short_too=True)
    found = {name for part in (outside, *inside) for name, _ in _names(part)}
    if not {b"Root", b"Pages"} <= found:
        raise _damaged()


def _refuse_frame(data: bytes) -> None:
    tail = TAIL.search(data, max(len(data) - TAIL_BYTES, 0))
    if not HEAD.match(data):
        raise _damaged()
    if tail is None:
        ended = data.rfind(b"%%EOF") + 1
        raise FileRefused("trailing_data", "Something follows the end of the PDF.") if ended else _damaged()
    if not TABLE.match(data, int(tail[1])):
        raise _damaged()


def _refuse_names(part: bytes, *, short_too: bool) -> None:
    for name, end in _names(part):
        if name in SHORT and not short_too:
            continue
        if name == ENCRYPTED:
            raise FileRefused("encrypted", "The PDF is encrypted or locked; send one that opens without a password.")
        if name in SCRIPTS:
            raise FileRefused("active_content", "The PDF holds a script; print it to a new PDF and send that.")
        if name in ACTIONS or (name == b"OpenAction" and not PLACE.match(part, end)):
            raise FileRefused("active_content", "The PDF acts by itself; print it to a new PDF and send that.")
        if name in FILES:
            raise FileRefused("embedded_file", "Files are attached inside of the PDF; send each on its own.")


def _names(part: bytes) -> Iterator[tuple[bytes, int]]:
    """Every name, its #xx undone, and where it ends. Raises FileRefused for too many."""
    spelled_otherwise = 0
    for number, found in enumerate(NAME.finditer(part)):
        name = found[1]
        if b"#" in name:
            name = HEX.sub(lambda code: bytes([int(code[1], 16)]), name)
            spelled_otherwise += 1
        if number > MOST_NAMES or spelled_otherwise > MOST_SPELLED_OTHERWISE:
            raise _damaged()
        yield name, found.end()


def _parts(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """All that is not in a stream; and of each stream of objects, all words since the stream before, and its bytes."""
    outside, packed, position = [], [], 0
    while (found := STREAM.search(data, position)) is not None:
        end = data.find(b"endstream", found.end())
        if end < 0:
            raise _damaged()
        words = data[position : found.start()]
        if any(name == b"ObjStm" for name, _ in _names(words)):
            packed.append((words, data[found.end() : end]))
        outside.append(words)
        position = end
    return b"\n".join([*outside, data[position:]]), packed


def _unpacked(words: bytes, content: bytes, *, most: int) -> bytes:
    """The objects of one stream. Raises FileRefused for any packing but the usual one, and for too much of it."""
    # A second filter hidden before a false "obj" would have readers see other objects than we do.
    before = [name for name, _ in _names(SIGNATURE.sub(b"", words))]
    own = {name for name, _ in _names(OBJECT.split(words)[-1])}
    if before.count(b"Filter") > 1 or b"DecodeParms" in before or {b"F", b"FFilter"} & own:
        raise _damaged()
    if b"Filter" not in before:
        return content
    if not FLATE.search(words):
        raise _damaged()
    unpacker = zlib.decompressobj()
    try:
        objects = unpacker.decompress(content, most + 1)
    except zlib.error:
        raise _damaged() from None
    if len(objects) > most:
        raise FileRefused("bomb", "The PDF unpacks to far more than it should; print it to a new PDF and send that.")
    if not unpacker.eof:
        raise _damaged()
    return objects


def _damaged() -> FileRefused:
    return FileRefused("damaged", "The PDF is damaged or built in an unusual way; print it to a new PDF and send that.")
