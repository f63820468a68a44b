"""Files and documents for tests, made in code: sound ones, and what stands around them in a request."""

import io
import itertools
import tempfile
import zlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.test import override_settings
from PIL import Image

from merchants.models import KycDocument, Merchant, Role, User
from merchants.permissions import scopes_of_role
from merchants.selectors.records import merchant_card
from merchants.services.kyc import approve
from merchants.services.kyc_documents import submit, upload
from merchants.tests.base import ApiCalls, ApiTestCase
from merchants.tests.factories import make_member, make_merchant, person_headers
from onpoint_pay.kit.caller import TEST, Caller
from onpoint_pay.kit.uploads.content import check_file
from onpoint_pay.kit.uploads.multipart import SentFile

BOUNDARY = "a-line-of-no-file"
_numbers = itertools.count(1)


# --- files ------------------------------------------------------------------------------------------------------------


def pdf(*objects: bytes, trailer: bytes = b"", head: bytes = b"%PDF-1.4\n") -> bytes:
    """A whole PDF of one empty page, with more objects (from number 4 on) and more in its trailer."""
    usual = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
    )
    body, places = head, []
    for number, content in enumerate((*usual, *objects), start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    end += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(body))
    return body + end


def stream(content: bytes, words: bytes = b"") -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (words, len(content), content)


def packed_objects(content: bytes, words: bytes = b"/Filter /FlateDecode") -> bytes:
    """A stream of objects, as most PDFs have today."""
    return stream(zlib.compress(content), b"/Type /ObjStm /N 1 /First 4 " + words)


def picture(format: str = "JPEG", size: tuple[int, int] = (24, 16), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "teal" if mode != "P" else 1).save(out, format, **options)
    return out.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png_of(width: int, height: int, *more: bytes) -> bytes:
    """A PNG that says it is so large and has next to nothing in it."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    parts = [chunk(b"IHDR", head), *more, chunk(b"IDAT", zlib.compress(bytes(64))), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


# --- requests ---------------------------------------------------------------------------------------------------------


def part(name: str, content: bytes | str, *, filename: str | None = None, declared: str = "application/pdf") -> bytes:
    content = content.encode() if isinstance(content, str) else content
    head = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"\r\nContent-Type: {declared}'
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


class KycCalls(ApiCalls):
    """A business, its owner signed in, and a folder for its documents that is gone afterwards."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "kyc"  # type: ignore[attr-defined]
        self.enterContext(override_settings(KYC_ROOT=self.folder))
        self.merchant = make_merchant()
        self.owner = make_member(self.merchant, Role.OWNER)
        self.headers = person_headers(self.owner)

    def send_body(self, body: bytes, *, headers: dict[str, str] | None = None, content_type: str = "") -> HttpResponse:
        return self.client.generic(
            "POST",
            "/api/v1/kyc/documents/",
            body,
            content_type or f"multipart/form-data; boundary={BOUNDARY}",
            headers=headers or self.headers,
        )

    def send(
        self,
        content: bytes,
        name: str = "paper.pdf",
        *,
        declared: str = "application/pdf",
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> HttpResponse:
        texts = [part(field, text) for field, text in ({"type": "kra_pin"} | fields).items()]
        return self.send_body(form(*texts, part("file", content, filename=name, declared=declared)), headers=headers)

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*")) if self.folder.exists() else []


class KycTestCase(KycCalls, ApiTestCase):
    """Everything rolled back after each test."""


# --- rows -------------------------------------------------------------------------------------------------------------


def owner_of(merchant: Merchant, user: User | None = None) -> Caller:
    """The caller that an owner who has signed in is."""
    user = user or make_member(merchant, Role.OWNER)
    return Caller(
        merchant=merchant_card(merchant),
        mode=TEST,
        actor=user.public_id,
        kind="user",
        scopes=scopes_of_role(Role.OWNER, TEST),
        user_id=user.id,
        role=Role.OWNER,
    )


def make_document(merchant: Merchant, type: str = "kra_pin", **fields: Any) -> KycDocument:
    """Uploaded by an owner of the merchant; each file is another."""
    sent = SentFile("paper.pdf", pdf(b"(%d)" % next(_numbers)))
    return upload(owner_of(merchant), type=type, sent=sent, checked=check_file(sent.data), **fields)


def hand_in(merchant: Merchant, *types: str) -> list[KycDocument]:
    """A document of each type, all of which wait for a reviewer."""
    made = [make_document(merchant, type) for type in types]
    submit(owner_of(merchant))
    return made


def verify(merchant: Merchant) -> None:
    """All that everybody shows, approved."""
    for document in hand_in(merchant, *settings.KYC_REQUIRED):
        approve(document.id, actor="operator")
