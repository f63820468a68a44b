"""Writing a table to a file line by line: CSV, XLSX and JSON, each with constant memory."""

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

import orjson

# A number keeps its digits; text may be anything a payer or a merchant wrote.
Cell = str | int | Decimal | None
# What a spreadsheet takes for the beginning of a formula, also in the wide forms of these signs.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
LARGEST_CELL = 32_767
SHEET_ROWS = 1_048_576

CONTENT_TYPES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels"\
 ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml"\
 ContentType="application/xml"/><Override PartName="/xl/workbook.xml"\
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>{sheets}</Types>"""
SHEET_TYPE = """<Override PartName="/xl/worksheets/sheet{number}.xml"\
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>"""
ROOT_RELATIONS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"\
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"\
 Target="xl/workbook.xml"/></Relationships>"""
WORKBOOK = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"\
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>{sheets}</sheets></workbook>"""
WORKBOOK_SHEET = """<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>"""
RELATIONS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{sheets}</Relationships>"""
RELATION = """<Relationship Id="rId{number}"\
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"\
 Target="worksheets/sheet{number}.xml"/>"""
SHEET_OPEN = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"""
SHEET_CLOSE = "</sheetData></worksheet>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A finished file: how many rows below its heading, how many bytes, and their SHA-256 in hex."""

    rows: int
    bytes: int
    sha256: str


def harmless(text: str) -> str:
    """Text that no spreadsheet runs: what looks like a formula gets an apostrophe in front."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_SIGNS) else text


def write_file(path: Path, rows: Iterable[Sequence[Cell]], *, format: str, columns: Sequence[str]) -> Made:
    """Write all rows to a new file at `path`, which appears whole or not at all."""
    half = path.with_suffix(f"{path.suffix}.part")
    with half.open("wb") as out:
        count = WRITERS[format](out, columns, rows)
    made = Made(rows=count, bytes=half.stat().st_size, sha256=_digest(half))
    half.replace(path)
    return made


def table_bytes(rows: Iterable[Sequence[Cell]], *, format: str, columns: Sequence[str]) -> bytes:
    """A short table as a file, in memory."""
    out = io.BytesIO()
    WRITERS[format](out, columns, rows)
    return out.getvalue()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_csv(out: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """UTF-8 with its mark, so that spreadsheets read names as they were written."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
        count += 1
    text.detach()
    return count


def _write_json(out: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """One array, an object a line. Amounts are decimal texts, as everywhere in the API."""
    count = 0
    out.write(b"[")
    for row in rows:
        out.write(b",\n" if count else b"\n")
        out.write(orjson.dumps(dict(zip(columns, row, strict=True)), default=str))
        count += 1
    out.write(b"\n]\n")
    return count


def _write_xlsx(out: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """As many sheets as it takes, each with the heading; texts stand in their cells, so that nothing is kept."""
    remaining = iter(rows)
    count, number, ended = 0, 0, False
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        while not ended:
            number += 1
            with book.open(f"xl/worksheets/sheet{number}.xml", "w", force_zip64=True) as sheet:
                sheet.write((SHEET_OPEN + _xml_row(columns)).encode())
                taken, ended = _fill_sheet(sheet, remaining)
                sheet.write(SHEET_CLOSE.encode())
            count += taken
        _frame(book, number)
    return count


def _fill_sheet(sheet: Any, rows: Iterable[Sequence[Cell]]) -> tuple[int, bool]:
    """How many rows went in, and whether they were all."""
    taken = 0
    for row in rows:
        sheet.write(_xml_row(row).encode())
        taken += 1
        if taken == SHEET_ROWS - 1:
            return taken, False
    return taken, True


def _frame(book: zipfile.ZipFile, sheets: int) -> None:
    numbers = range(1, sheets + 1)
    names = {1: "Export"}
    book.writestr(
        "[Content_Types].xml", CONTENT_TYPES.format(sheets="".join(SHEET_TYPE.format(number=n) for n in numbers))
    )
    book.writestr("_rels/.rels", ROOT_RELATIONS)
    listed = [WORKBOOK_SHEET.format(name=names.get(n, f"Export {n}"), number=n) for n in numbers]
    book.writestr("xl/workbook.xml", WORKBOOK.format(sheets="".join(listed)))
    book.writestr(
        "xl/_rels/workbook.xml.rels", RELATIONS.format(sheets="".join(RELATION.format(number=n) for n in numbers))
    )


def _xml_row(row: Sequence[Cell]) -> str:
    return f"<row>{''.join(map(_xml_cell, row))}</row>"


def _xml_cell(cell: Cell) -> str:
    if cell is None:
        return "<c/>"
    if not isinstance(cell, str):
        return f"<c><v>{cell}</v></c>"
    text = "".join(letter for letter in harmless(cell)[:LARGEST_CELL] if _may_stand_in_xml(letter))
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _may_stand_in_xml(letter: str) -> bool:
    code = ord(letter)
    return letter in "\t\n\r" or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


WRITERS = {"csv": _write_csv, "json": _write_json, "xlsx": _write_xlsx}
