"""Files that are not what they seem, or do more than a paper does: each refused, and nothing of it left."""

import io
import zipfile
import zlib

from django.test import override_settings
from PIL import Image

from merchants.models import KycDocument
from merchants.tests.kyc import KycTestCase, chunk, form, packed_objects, part, pdf, picture, png_of, stream
from onpoint_pay.kit.tests.scanner import scanning

SCRIPT = b"<html><script>alert(document.domain)</script></html>"
# Its beginning is a picture only.
LARGE = picture(size=(400, 400))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def archive(content: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("page.html", content)
    return out.getvalue()


def moving(format: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, format, save_all=True, append_images=frames[1:])
    return out.getvalue()


class HostileTestCase(KycTestCase):
    def assert_refused(self, answer: object, reason: str) -> None:
        found = self.assert_problem(answer, 400, "file_refused")  # type: ignore[arg-type]
        self.assertEqual((found["param"], found["reason"]), ("file", reason), found["detail"])
        self.assertGreater(len(found["detail"]), 15)
        self.assert_nothing_left()

    def assert_nothing_left(self) -> None:
        self.assertEqual((KycDocument.objects.count(), self.files()), (0, []))


class TwoKindsInOne(HostileTestCase):
    def test_pdf_with_an_archive_behind_it(self) -> None:
        self.assert_refused(self.send(pdf() + archive()), "polyglot")

    def test_pdf_that_ends_in_the_comment_of_an_archive(self) -> None:
        """Its last bytes are those of a PDF; an unpacker finds its directory all the same."""
        inner = archive()
        plain = pdf(stream(inner[:-2] + (400).to_bytes(2, "little")))
        self.assert_refused(self.send(plain), "polyglot")

    def test_pdf_with_an_archive_before_it(self) -> None:
        self.assert_refused(self.send(archive() + pdf()), "type_not_accepted")

    def test_pdf_with_a_page_in_its_head(self) -> None:
        self.assert_refused(self.send(pdf(head=b"%PDF-1.4\n%" + SCRIPT + b"\n")), "polyglot")

    def test_pdf_with_anything_behind_it(self) -> None:
        self.assert_refused(self.send(pdf() + b"and more"), "trailing_data")

    def test_jpeg_with_a_page_behind_it(self) -> None:
        self.assert_refused(self.send(LARGE + SCRIPT, "photo.jpg"), "trailing_data")

    def test_jpeg_with_a_page_in_its_comment(self) -> None:
        self.assert_refused(self.send(picture(comment=SCRIPT), "photo.jpg"), "polyglot")

    def test_jpeg_with_a_page_in_a_camera_block(self) -> None:
        self.assert_refused(self.send(LARGE + SCRIPT + b"SEFH" + bytes(9) + b"SEFT", "photo.jpg"), "trailing_data")

    def test_jpeg_that_is_a_pdf_as_well(self) -> None:
        self.assert_refused(self.send(picture(comment=b"%PDF-1.4\n"), "photo.jpg"), "polyglot")

    def test_png_with_an_archive_behind_it(self) -> None:
        self.assert_refused(self.send(picture("PNG") + archive(), "photo.png"), "polyglot")

    def test_png_with_anything_behind_it(self) -> None:
        self.assert_refused(self.send(picture("PNG") + b"\x00", "photo.png"), "trailing_data")

    def test_gif_that_is_a_script(self) -> None:
        self.assert_refused(self.send(b"GIF89a/*" + bytes(64) + b"*/=1;alert(1)", "photo.gif"), "type_not_accepted")


class Bombs(HostileTestCase):
    def test_an_archive_of_zeros(self) -> None:
        self.assert_refused(self.send(archive(bytes(5_000_000)), "paper.pdf"), "type_not_accepted")

    def test_png_that_says_it_is_huge(self) -> None:
        self.assert_refused(self.send(png_of(50_000, 50_000), "photo.png"), "too_many_pixels")

    def test_png_with_the_largest_numbers_there_are(self) -> None:
        self.assert_refused(self.send(png_of(2**31 - 1, 2**31 - 1), "photo.png"), "too_many_pixels")

    def test_png_of_no_size(self) -> None:
        self.assert_refused(self.send(png_of(0, 10), "photo.png"), "truncated")

    def test_png_with_a_text_that_unpacks_to_a_lot(self) -> None:
        """The text is never unpacked; what is left of the file is no picture."""
        text = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(20_000_000), 9))
        self.assert_refused(self.send(png_of(100, 100, text), "photo.png"), "damaged")

    def test_jpeg_of_a_hundred_megapixels(self) -> None:
        data = bytearray(picture())
        frame = data.index(b"\xff\xc0") + 5
        data[frame : frame + 4] = (10_000).to_bytes(2, "big") * 2
        self.assert_refused(self.send(bytes(data), "photo.jpg"), "too_many_pixels")

    def test_a_picture_that_is_a_line(self) -> None:
        self.assert_refused(self.send(png_of(30_000, 1), "photo.png"), "too_many_pixels")

    def test_jpeg_with_scans_without_end(self) -> None:
        data = picture(progressive=True)
        scan = data[data.index(b"\xff\xda") : -2]
        self.assert_refused(self.send(data[:-2] + scan * 70 + b"\xff\xd9", "photo.jpg"), "damaged")

    def test_pdf_whose_objects_unpack_to_a_lot(self) -> None:
        self.assert_refused(self.send(pdf(packed_objects(bytes(40 * 1024 * 1024)))), "bomb")


class OtherKinds(HostileTestCase):
    def test_drawings_with_scripts(self) -> None:
        for name in ("logo.svg", "logo.png", "logo.pdf"):
            with self.subTest(name):
                self.assert_refused(self.send(SVG, name, declared="image/png"), "type_not_accepted")

    def test_a_page_named_pdf(self) -> None:
        self.assert_refused(self.send(SCRIPT, "paper.pdf"), "type_not_accepted")

    def test_a_program_named_pdf(self) -> None:
        self.assert_refused(self.send(b"MZ\x90\x00" + bytes(200), "paper.pdf"), "type_not_accepted")
        self.assert_refused(self.send(b"\x7fELF\x02\x01\x01" + bytes(200), "paper.pdf"), "type_not_accepted")
        self.assert_refused(self.send(b"#!/bin/sh\nrm -rf /\n", "paper.pdf"), "type_not_accepted")

    def test_pictures_that_move(self) -> None:
        self.assert_refused(self.send(moving("GIF"), "photo.png"), "type_not_accepted")
        self.assert_refused(self.send(moving("PNG"), "photo.png"), "animated")

    def test_other_pictures(self) -> None:
        for format in ("GIF", "BMP", "TIFF", "WEBP", "ICO"):
            with self.subTest(format):
                self.assert_refused(self.send(picture(format), "photo.jpg", declared="image/jpeg"), "type_not_accepted")

    def test_text_and_office_papers(self) -> None:
        self.assert_refused(self.send(b"Dear Sir or Madam,", "letter.pdf"), "type_not_accepted")
        self.assert_refused(self.send(archive(b"<w:document/>"), "letter.pdf"), "type_not_accepted")

    def test_nothing_at_all(self) -> None:
        self.assert_refused(self.send(b"", "paper.pdf"), "empty")

    def test_only_the_first_letters(self) -> None:
        for head in (b"%PDF-1.4\n", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"):
            self.assertIn(self.send(head).json()["reason"], ("damaged", "truncated"))
        self.assert_nothing_left()


class Broken(HostileTestCase):
    def test_jpeg_cut_off(self) -> None:
        whole = picture(size=(200, 200))
        for length in (20, len(whole) // 2, len(whole) - 2):
            self.assert_refused(self.send(whole[:length], "photo.jpg"), "truncated")

    def test_png_cut_off(self) -> None:
        self.assert_refused(self.send(picture("PNG")[:-8], "photo.png"), "truncated")

    def test_png_with_a_wrong_sum(self) -> None:
        data = bytearray(picture("PNG"))
        data[-20] ^= 1
        self.assert_refused(self.send(bytes(data), "photo.png"), "truncated")

    def test_pdf_cut_off(self) -> None:
        self.assert_refused(self.send(pdf()[:-30]), "damaged")

    def test_pdf_without_pages(self) -> None:
        bare = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\nxref\n"
        self.assert_refused(self.send(bare + b"startxref\n%d\n%%%%EOF\n" % bare.index(b"xref")), "damaged")

    def test_pdf_whose_table_is_elsewhere(self) -> None:
        data = pdf()
        start = data.rindex(b"startxref\n") + 10
        self.assert_refused(self.send(data[:start] + b"99999999\n%%EOF\n"), "damaged")

    def test_a_signature_of_one_kind_in_another(self) -> None:
        self.assert_refused(self.send(b"\xff\xd8\xff" + picture("PNG"), "photo.jpg"), "truncated")


class PdfsThatAct(HostileTestCase):
    def test_a_script(self) -> None:
        self.assert_refused(self.send(pdf(b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>")), "active_content")

    def test_a_script_spelled_otherwise(self) -> None:
        self.assert_refused(self.send(pdf(b"<< /S /J#61v#61Scr#69pt /#4aS (1) >>")), "active_content")

    def test_a_script_in_packed_objects(self) -> None:
        self.assert_refused(self.send(pdf(packed_objects(b"<< /S /JavaScript /JS (1) >>"))), "active_content")

    def test_a_script_in_packed_objects_spelled_otherwise(self) -> None:
        objects = packed_objects(b"<< /S /Java#53cript >>").replace(b"/ObjStm", b"/Obj#53tm")
        self.assert_refused(self.send(pdf(objects)), "active_content")

    def test_a_script_where_a_stream_should_be(self) -> None:
        self.assert_refused(self.send(pdf(stream(b"9 0 obj << /S /JavaScript >> endobj"))), "active_content")

    def test_packed_objects_that_cannot_be_looked_into(self) -> None:
        for words in (
            b"/Filter [/ASCII85Decode /FlateDecode]",
            b"/Filter /LZWDecode",
            b"/Filter 9 0 R",
            b"/Filter /FlateDecode /DecodeParms << /Predictor 12 >>",
            b"/Filter /FlateDecode /Filter /ASCII85Decode",
            b"/F (other.bin) /Filter /FlateDecode",
        ):
            with self.subTest(words):
                self.assert_refused(self.send(pdf(packed_objects(b"<< /X 1 >>", words))), "damaged")

    def test_packed_objects_inside_of_another_stream(self) -> None:
        inner = b"9 0 obj " + packed_objects(b"<< /S /JavaScript >>").replace(b"endstream", b"") + b" endobj"
        self.assert_refused(self.send(pdf(stream(inner))), "damaged")

    def test_a_second_filter_behind_a_false_object(self) -> None:
        words = b"/Filter [/ASCII85Decode /FlateDecode] /X (9 0 obj) /Filter /FlateDecode"
        self.assert_refused(self.send(pdf(packed_objects(b"<< /X 1 >>", words))), "damaged")

    def test_starting_a_program(self) -> None:
        self.assert_refused(self.send(pdf(b"<< /S /Launch /F (cmd.exe) >>")), "active_content")

    def test_acting_when_it_is_opened(self) -> None:
        self.assert_refused(self.send(pdf(b"<< /OpenAction 9 0 R >>")), "active_content")
        self.assert_refused(
            self.send(pdf(b"<< /OpenAction << /S /URI /URI (https://x.example) >> >>")), "active_content"
        )
        self.assert_refused(self.send(pdf(b"<< /Open#41ction 9 0 R >>")), "active_content")

    def test_acting_on_other_events(self) -> None:
        self.assert_refused(self.send(pdf(b"<< /AA << /O 9 0 R >> >>")), "active_content")

    def test_forms_that_send_and_forms_that_run(self) -> None:
        self.assert_refused(self.send(pdf(b"<< /S /SubmitForm /F (https://x.example) >>")), "active_content")
        self.assert_refused(self.send(pdf(b"<< /AcroForm << /XFA 9 0 R >> >>")), "active_content")

    def test_a_file_inside(self) -> None:
        self.assert_refused(self.send(pdf(stream(b"MZ", b"/Type /EmbeddedFile"))), "embedded_file")
        self.assert_refused(self.send(pdf(b"<< /Names << /EmbeddedFiles 9 0 R >> >>")), "embedded_file")

    def test_a_password(self) -> None:
        self.assert_refused(self.send(pdf(b"<< /Filter /Standard /V 2 >>", trailer=b"/Encrypt 4 0 R")), "encrypted")


class Names(HostileTestCase):
    def test_names_that_are_paths(self) -> None:
        for name in (
            "../../etc/passwd",
            "..\\..\\windows\\win.ini",
            "/etc/cron.d/paper.pdf",
            "C:\\Users\\amina\\paper.pdf",
            "paper/../../x.pdf",
            "..",
            "&#46;&#46;&#47;paper.pdf/..",
        ):
            with self.subTest(name):
                self.assert_refused(self.send(pdf(), name), "name_not_accepted")

    def test_names_with_letters_that_hide(self) -> None:
        for name in ("paper.pdf\x00.exe", "paper\x07.pdf", "paper\u202efdp.exe", "paper\u200b.pdf", "paper\u2066x.pdf"):
            with self.subTest(ascii(name)):
                self.assert_refused(self.send(pdf(), name), "name_not_accepted")

    def test_a_name_without_end(self) -> None:
        self.assert_refused(self.send(pdf(), "a" * 300 + ".pdf"), "name_not_accepted")

    def test_a_path_in_the_other_spelling_of_names(self) -> None:
        body = form(part("type", "kra_pin"), part("file", pdf(), filename="x")).replace(
            b'filename="x"', b"filename*=UTF-8''..%2F..%2Fetc%2Fpasswd"
        )
        self.assert_refused(self.send_body(body), "name_not_accepted")


class Forms(HostileTestCase):
    def assert_problem_and_nothing_left(self, answer: object, status: int, code: str, param: str | None = None) -> None:
        found = self.assert_problem(answer, status, code)  # type: ignore[arg-type]
        self.assertEqual(found["param"], param, found)
        self.assert_nothing_left()

    def test_two_files(self) -> None:
        both = [part("file", pdf(), filename=name) for name in ("a.pdf", "b.pdf")]
        answer = self.send_body(form(part("type", "kra_pin"), *both))
        self.assert_problem_and_nothing_left(answer, 400, "parameter_invalid", "file")

    def test_a_file_in_another_part(self) -> None:
        answer = self.send_body(form(part("type", "kra_pin"), part("paper", pdf(), filename="a.pdf")))
        self.assert_problem_and_nothing_left(answer, 400, "parameter_invalid", "file")

    def test_a_part_twice(self) -> None:
        types = [part("type", type) for type in ("kra_pin", "permit")]
        answer = self.send_body(form(*types, part("file", pdf(), filename="a.pdf")))
        self.assert_problem_and_nothing_left(answer, 400, "parameter_invalid", "type")

    def test_a_text_where_the_file_should_be(self) -> None:
        answer = self.send_body(form(part("type", "kra_pin"), part("file", pdf())))
        self.assert_problem_and_nothing_left(answer, 400, "parameter_invalid", "file")

    def test_no_file(self) -> None:
        answer = self.send_body(form(part("type", "kra_pin")))
        self.assert_problem_and_nothing_left(answer, 400, "parameter_missing", "file")
        answer = self.send_body(form(part("type", "kra_pin"), part("file", pdf(), filename="")))
        self.assert_nothing_left()
        self.assertEqual(answer.status_code, 400)

    def test_a_type_that_is_none(self) -> None:
        answer = self.send(pdf(), type="passport_of_a_friend")
        self.assert_problem_and_nothing_left(answer, 400, "parameter_invalid", "type")

    def test_a_part_nobody_knows(self) -> None:
        self.assert_problem_and_nothing_left(self.send(pdf(), status="approved"), 400, "unknown_parameter", "status")

    def test_bodies_of_other_types(self) -> None:
        for content_type in ("application/json", "application/pdf", "application/x-www-form-urlencoded", "text/html"):
            with self.subTest(content_type):
                answer = self.send_body(pdf(), content_type=content_type)
                self.assert_problem_and_nothing_left(answer, 415, "unsupported_media_type")
                self.assertIn("multipart/form-data", answer.json()["next_step"])

    def test_a_form_without_its_line_or_cut_off(self) -> None:
        whole = form(part("type", "kra_pin"), part("file", pdf(), filename="a.pdf"))
        self.assert_problem_and_nothing_left(
            self.send_body(whole, content_type="multipart/form-data"), 400, "parameter_invalid"
        )
        self.assertEqual(self.send_body(whole[:-120]).status_code, 400)
        self.assert_nothing_left()

    @override_settings(MAX_FILE_BYTES=100_000)
    def test_a_file_that_is_too_large(self) -> None:
        answer = self.send(pdf(b"(" + bytes(300_000) + b")"))
        self.assert_problem_and_nothing_left(answer, 413, "body_too_large", "file")

    def test_a_body_that_is_too_large_is_not_even_read(self) -> None:
        answer = self.send_body(bytes(11 * 1024 * 1024))
        self.assert_problem_and_nothing_left(answer, 413, "body_too_large", "file")
        self.assertIn("10 MiB", answer.json()["next_step"])

    def test_large_bodies_are_for_files_alone(self) -> None:
        answer = self.client.generic(
            "POST", "/api/v1/kyc/submit/", bytes(300_000), "application/json", headers=self.headers
        )
        self.assert_problem_and_nothing_left(answer, 413, "body_too_large")


class Scanned(KycTestCase):
    """With a scanner no file is kept that it has not called clean."""

    def test_what_it_finds_is_refused_and_not_kept(self) -> None:
        sent = picture()
        with scanning(answer="stream: Win.Test.EICAR_HDB-1 FOUND") as scanner:
            told = self.assert_problem(self.send(sent, "me.jpg"), 400, "file_refused")
        self.assertEqual((told["reason"], scanner.seen), ("infected", [sent]))
        self.assertEqual((KycDocument.objects.count(), self.files()), (0, []))

    def test_while_it_is_away_nothing_is_taken(self) -> None:
        with override_settings(UPLOAD_SCANNER="tcp://127.0.0.1:9"):
            answer = self.send(pdf())
        self.assert_problem(answer, 503, "upload_scanner_unavailable")
        self.assertEqual(answer["Retry-After"], "30")
        self.assertEqual((KycDocument.objects.count(), self.files()), (0, []))

    def test_a_clean_one_is_kept(self) -> None:
        with scanning():
            self.assertEqual(self.send(pdf()).status_code, 201)
        self.assertEqual(KycDocument.objects.count(), 1)
