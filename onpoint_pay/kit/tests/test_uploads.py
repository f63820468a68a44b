"""Sound files get through, pictures come out clean, names are cleaned, and sealed files open where they belong only."""

import io
import os
import tempfile
import threading
from pathlib import Path
from unittest import mock

from django.test import SimpleTestCase
from PIL import Image

from merchants.tests.kyc import packed_objects, pdf, picture, stream
from onpoint_pay.kit.crypto import CannotOpen
from onpoint_pay.kit.uploads import pictures, sealed
from onpoint_pay.kit.uploads.content import check_file
from onpoint_pay.kit.uploads.names import check_name, shown_name
from onpoint_pay.kit.uploads.refusal import FileRefused
from onpoint_pay.kit.uploads.sealed import new_key, read_sealed, write_sealed

SECRET = b"shot in Kilimani, Nairobi, by Amina"


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


class SoundPdfs(SimpleTestCase):
    def assert_taken(self, data: bytes) -> None:
        found = check_file(data)
        self.assertEqual((found.content_type, found.data), ("application/pdf", data))

    def test_the_plainest_one(self) -> None:
        self.assert_taken(pdf())

    def test_as_it_is_written_today(self) -> None:
        for words in (b"/Filter /FlateDecode", b"/Filter/FlateDecode", b"/Filter [ /FlateDecode ]"):
            self.assert_taken(pdf(packed_objects(b"<< /Type /Annot /F 4 >>", words), stream(os.urandom(20_000))))
        plain = pdf(stream(b"7 0 << /X 1 >>", b"/Type /ObjStm /N 1 /First 4"))
        self.assert_taken(plain)

    def test_signed(self) -> None:
        signature = b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached >>"
        self.assert_taken(pdf(signature, packed_objects(b"<< /X 1 >>")))

    def test_one_that_opens_at_a_place(self) -> None:
        for place in (b"[3 0 R /XYZ null null 0]", b"[ 3 0 R /FitH 200 ]"):
            self.assert_taken(pdf(b"<< /OpenAction " + place + b" >>"))

    def test_links_and_forms_are_no_scripts(self) -> None:
        self.assert_taken(pdf(b"<< /A << /S /URI /URI (https://www.kra.go.ke) >> /AcroForm << /Fields [] >> >>"))

    def test_chance_letters_in_a_stream_count_for_nothing(self) -> None:
        self.assert_taken(pdf(stream(b"\x00/JS \x01/AA<\x02/XFA[")))

    def test_blanks_after_the_end(self) -> None:
        self.assert_taken(pdf() + b"\r\n\r\n")


class PdfsThatKeepUsBusy(SimpleTestCase):
    def test_more_names_than_any_paper_has(self) -> None:
        for more in (b"<<" + b"/a" * 1_100_000 + b">>", b"<<" + b"/#61" * 25_000 + b">>"):
            with self.assertRaises(FileRefused) as refused:
                check_file(pdf(more))
            self.assertEqual(refused.exception.reason, "damaged")


class Pictures(SimpleTestCase):
    def test_nothing_but_the_pixels_is_left(self) -> None:
        exif = Image.Exif()
        exif[0x010E] = SECRET.decode()
        profile = b"\x00" * 128 + SECRET
        photo = picture(exif=exif.tobytes(), comment=SECRET, icc_profile=profile)
        self.assertIn(SECRET, photo)
        found = check_file(photo)
        self.assertNotIn(SECRET, found.data)
        self.assertEqual((found.content_type, opened(found.data).size), ("image/jpeg", (24, 16)))
        self.assertFalse({"exif", "comment", "icc_profile"} & set(opened(found.data).info))

    def test_a_png_loses_its_texts(self) -> None:
        from PIL.PngImagePlugin import PngInfo

        texts = PngInfo()
        texts.add_text("Author", SECRET.decode())
        found = check_file(picture("PNG", pnginfo=texts, icc_profile=bytes(128), dpi=(300, 300)))
        self.assertEqual((found.content_type, opened(found.data).info), ("image/png", {}))
        self.assertNotIn(SECRET, found.data)

    def test_it_stands_upright(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        self.assertEqual(opened(check_file(picture(exif=exif.tobytes())).data).size, (16, 24))

    def test_every_kind_of_pixel(self) -> None:
        for mode, wanted in (("1", "L"), ("L", "L"), ("P", "RGB"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("I;16", "L")):
            with self.subTest(mode):
                colour = 0x8080 if mode == "I;16" else 1 if mode in ("1", "P") else "gray"
                out = io.BytesIO()
                Image.new(mode, (9, 7), colour).save(out, "PNG")
                found = opened(check_file(out.getvalue()).data)
                self.assertEqual((found.mode, found.size), (wanted, (9, 7)))
                if mode == "I;16":
                    self.assertEqual(found.getpixel((0, 0)), 0x80)
        for mode, wanted in (("L", "L"), ("CMYK", "RGB")):
            out = io.BytesIO()
            Image.new(mode, (9, 7)).save(out, "JPEG")
            self.assertEqual(opened(check_file(out.getvalue()).data).mode, wanted)

    def test_what_phones_put_behind_a_photograph_is_dropped(self) -> None:
        for more in (b"\x00" * 12, picture(size=(8, 8)), bytes(20) + b"Image_UTC_Data" + b"SEFH" + bytes(20) + b"SEFT"):
            photo = picture(size=(300, 300))
            self.assertEqual(check_file(photo + more).data, check_file(photo).data)

    def test_it_is_made_anew_once(self) -> None:
        once = check_file(picture("PNG")).data
        self.assertEqual(check_file(once).data, once)

    def test_one_is_open_at_a_time(self) -> None:
        done = threading.Event()
        worker = threading.Thread(target=lambda: (check_file(picture()), done.set()))
        with pictures._one_at_a_time:
            worker.start()
            self.assertFalse(done.wait(0.2))
        worker.join(10)
        self.assertTrue(done.is_set())


class Names(SimpleTestCase):
    def test_plain_names_stay(self) -> None:
        for name in ("PIN certificate (2026).pdf", "kitambulisho – mbele.jpg", "证件.png", "a.b.c"):
            self.assertEqual(check_name(name), name)

    def test_what_is_shown(self) -> None:
        self.assertEqual(shown_name("PIN  certificate.PDF", "pdf"), "PIN certificate.pdf")
        self.assertEqual(shown_name("evil.html", "pdf"), "evil.pdf")
        self.assertEqual(shown_name('a"b<c>;d=e%0a.png', "png"), "a_b_c__d_e_0a.png")
        self.assertEqual(shown_name(".pdf", "pdf"), "document.pdf")
        self.assertEqual(len(shown_name("é" * 250, "jpg")), 104)


class SealedFiles(SimpleTestCase):
    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.path = self.root / "new" / "one"
        self.key = new_key()

    def write(self, data: bytes = SECRET) -> None:
        write_sealed(self.path, data, key=self.key, bound_to="row 1")

    def test_it_opens_where_it_belongs(self) -> None:
        self.write()
        self.assertEqual(read_sealed(self.path, key=self.key, bound_to="row 1"), SECRET)
        self.assertNotIn(SECRET[:8], self.path.read_bytes())

    def test_it_is_for_us_alone(self) -> None:
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.write()
        self.assertEqual((self.path.stat().st_mode & 0o777, self.path.parent.stat().st_mode & 0o777), (0o600, 0o700))

    def test_nowhere_else(self) -> None:
        self.write()
        whole = self.path.read_bytes()
        for key, row in ((self.key, "row 2"), (new_key(), "row 1")):
            with self.assertRaises(CannotOpen):
                read_sealed(self.path, key=key, bound_to=row)
        for changed in (b"", whole[:10], whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), b"OPF2" + whole[4:]):
            self.path.write_bytes(changed)
            with self.assertRaises(CannotOpen):
                read_sealed(self.path, key=self.key, bound_to="row 1")

    def test_a_full_disk_leaves_nothing(self) -> None:
        self.path.parent.mkdir()
        with mock.patch.object(sealed.os, "fsync", side_effect=OSError("No space left")), self.assertRaises(OSError):
            self.write()
        self.assertEqual(list(self.path.parent.iterdir()), [])


class Refusals(SimpleTestCase):
    def test_each_says_what_to_do(self) -> None:
        with self.assertRaises(FileRefused) as refused:
            check_file(b"")
        self.assertEqual((refused.exception.http_status, refused.exception.extra), (400, {"reason": "empty"}))
