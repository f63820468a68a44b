"""Files and the scanner: passed on whole, refused when something is found, and never kept unscanned."""

import socketserver
import threading
from typing import Any

from django.test import SimpleTestCase, override_settings

from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.tests.scanner import Scanner, scanning
from onpoint_pay.kit.uploads.refusal import FileRefused
from onpoint_pay.kit.uploads.scanner import PIECE, refuse_infected

FILE = bytes(range(256)) * 1024 + b"the end"


class Scanning(SimpleTestCase):
    def test_off_by_default(self) -> None:
        with override_settings(UPLOAD_SCANNER=""):
            refuse_infected(FILE)

    def test_a_clean_file_is_passed_on_whole_and_in_pieces(self) -> None:
        with scanning() as scanner:
            refuse_infected(FILE)
        self.assertEqual(scanner.seen, [FILE])
        self.assertEqual(scanner.pieces, -(-len(FILE) // PIECE))

    def test_something_found(self) -> None:
        with scanning(answer="stream: Eicar-Test-Signature FOUND"), self.assertRaises(FileRefused) as caught:
            refuse_infected(FILE)
        self.assertEqual((caught.exception.code, caught.exception.reason), ("file_refused", "infected"))

    def test_no_clear_answer_is_no_yes(self) -> None:
        for answer in ("INSTREAM size limit exceeded. ERROR", "", "stream: OK FOUNDER", "yes"):
            with self.subTest(answer=answer), scanning(answer=answer):
                self.assert_unavailable()

    def test_nobody_there(self) -> None:
        for address in ("tcp://127.0.0.1:9", "unix:///nowhere/clamd.sock"):
            with self.subTest(address=address), override_settings(UPLOAD_SCANNER=address):
                self.assert_unavailable()

    def test_one_that_hangs_up(self) -> None:
        class Rude(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.recv(3)

        server: Any = socketserver.TCPServer(("127.0.0.1", 0), Rude)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with override_settings(UPLOAD_SCANNER=f"tcp://127.0.0.1:{server.server_address[1]}"):
                self.assert_unavailable()
        finally:
            server.shutdown()
            server.server_close()

    def assert_unavailable(self) -> None:
        with self.assertRaises(Problem) as caught:
            refuse_infected(FILE)
        self.assertEqual(caught.exception.code, "upload_scanner_unavailable")

    def test_it_is_a_scanner_for_each_connection(self) -> None:
        with scanning() as scanner:
            for _ in range(3):
                refuse_infected(b"x")
        self.assertEqual(scanner.seen, [b"x"] * 3)
        self.assertTrue(issubclass(Scanner, socketserver.BaseRequestHandler))
