"""Files of exports: each format read back, formulas made harmless, sheets that go on, and memory that stays flat."""

import csv
import hashlib
import io
import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import orjson
from django.test import SimpleTestCase

from settlements.services import export_files
from settlements.services.export_files import Cell, harmless, write_file

COLUMNS = ["id", "amount", "note"]
ROWS: list[list[Cell]] = [
    ["pay_1", Decimal("100.50"), 'Wanjiku & <Kamau> "x", y'],
    ["pay_2", Decimal("-5.00"), '=HYPERLINK("http://x")'],
    ["pay_3", None, "line\nbreak\x00\x0b"],
]
NAMESPACE = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def read_sheet(book: zipfile.ZipFile, number: int = 1) -> list[list[str | None]]:
    tree = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))  # noqa: S314 - our own
    found = []
    for row in tree.iterfind(".//s:row", NAMESPACE):
        cells = []
        for cell in row:
            inner = cell.find("s:is/s:t", NAMESPACE)
            value = cell.find("s:v", NAMESPACE)
            shown = inner if inner is not None else value
            cells.append(None if shown is None else shown.text)
        found.append(cells)
    return found


class Files(SimpleTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, format: str, rows: list[list[Cell]] = ROWS) -> bytes:
        path = self.folder / f"x.{format}"
        made = write_file(path, rows, format=format, columns=COLUMNS)
        content = path.read_bytes()
        self.assertEqual((made.rows, made.bytes), (len(rows), len(content)))
        self.assertEqual(made.sha256, hashlib.sha256(content).hexdigest())
        self.assertEqual(list(self.folder.iterdir()), [path])
        return content

    def test_csv(self) -> None:
        content = self.write("csv")
        self.assertTrue(content.startswith(b"\xef\xbb\xbf"))
        found = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        self.assertEqual(found[0], COLUMNS)
        self.assertEqual(found[1], ["pay_1", "100.50", 'Wanjiku & <Kamau> "x", y'])
        self.assertEqual(found[2], ["pay_2", "-5.00", '\'=HYPERLINK("http://x")'])
        self.assertEqual(found[3][1], "")

    def test_json(self) -> None:
        found = orjson.loads(self.write("json"))
        self.assertEqual(found[0], {"id": "pay_1", "amount": "100.50", "note": 'Wanjiku & <Kamau> "x", y'})
        self.assertEqual(found[1]["note"], '=HYPERLINK("http://x")')
        self.assertEqual(orjson.loads(self.write("json", [])), [])

    def test_xlsx(self) -> None:
        with zipfile.ZipFile(io.BytesIO(self.write("xlsx"))) as book:
            self.assertIsNone(book.testzip())
            found = read_sheet(book)
            names = set(book.namelist())
        self.assertEqual(found[0], COLUMNS)
        self.assertEqual(found[1], ["pay_1", "100.50", 'Wanjiku & <Kamau> "x", y'])
        self.assertEqual(found[2][1:], ["-5.00", '\'=HYPERLINK("http://x")'])
        self.assertEqual(found[3], ["pay_3", None, "line\nbreak"])
        parts = {"[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"}
        self.assertEqual(names, parts | {"xl/worksheets/sheet1.xml"})

    def test_more_rows_than_a_sheet_holds(self) -> None:
        rows: list[list[Cell]] = [[f"pay_{number}", number, None] for number in range(7)]
        with (
            mock.patch.object(export_files, "SHEET_ROWS", 4),
            zipfile.ZipFile(io.BytesIO(self.write("xlsx", rows))) as book,
        ):
            sheets = [read_sheet(book, number) for number in (1, 2, 3)]
        self.assertEqual([len(sheet) for sheet in sheets], [4, 4, 2])
        self.assertEqual({tuple(sheet[0]) for sheet in sheets}, {tuple(COLUMNS)})
        self.assertEqual([row[0] for sheet in sheets for row in sheet[1:]], [f"pay_{number}" for number in range(7)])

    def test_what_a_spreadsheet_would_run(self) -> None:
        for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "＋1", "－1", "＠x"):
            with self.subTest(text=text):
                self.assertEqual(harmless(text), f"'{text}")
        for text in ("", "a=1", "254712345678", "'=1", "Duka-Bora", "1-2"):
            with self.subTest(text=text):
                self.assertEqual(harmless(text), text)

    def test_a_file_that_breaks_off_is_not_there(self) -> None:
        def rows() -> Iterator[list[Cell]]:
            yield ROWS[0]
            raise OSError("disk full")

        with self.assertRaises(OSError):
            write_file(self.folder / "x.csv", rows(), format="csv", columns=COLUMNS)
        self.assertFalse((self.folder / "x.csv").exists())

    def test_memory_does_not_grow_with_the_rows(self) -> None:
        def rows(count: int) -> Iterator[list[Cell]]:
            for number in range(count):
                yield [f"pay_{number:026d}", Decimal(number), "A line of some length that a merchant wrote. " * 3]

        for format in ("csv", "json", "xlsx"):
            peaks = []
            for count in (1_000, 20_000):
                tracemalloc.start()
                write_file(self.folder / f"big.{format}", rows(count), format=format, columns=COLUMNS)
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
            with self.subTest(format=format, peaks=peaks):
                self.assertLess(peaks[1], peaks[0] + 256 * 1024)
