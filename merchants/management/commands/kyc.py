"""`manage.py kyc`: the review of documents from a terminal."""

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import KycDocument
from merchants.services import kyc
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public


class Command(BaseCommand):
    help = (
        "Review what businesses show: list what waits, save a file to look at, approve or reject a document, ask a "
        "business for more. A business is verified, and live mode open, once all that is required is approved."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        steps.add_parser("list", help="What waits for a reviewer, the longest waiting first.")
        save = self._step(steps, "save", "Save the file in clear, for you to read only; delete it afterwards.")
        save.add_argument("path", type=Path)
        approve = self._step(steps, "approve", "The document holds.")
        approve.add_argument("--expires-on", type=date.fromisoformat, metavar="2027-03-31")
        reject = self._step(steps, "reject", "The document does not hold.")
        reject.add_argument("--reason", action="append", required=True, choices=KycDocument.Reason.values)
        reject.add_argument("--note", default="", help="For the business to read.")
        ask = self._step(steps, "ask", "Want more of one business.", named="mer_…")
        ask.add_argument("--type", action="append", required=True, choices=KycDocument.Type.values)
        ask.add_argument("--note", required=True, help="For the business to read.")

    def _step(self, steps: Any, name: str, words: str, *, named: str = "doc_…") -> CommandParser:
        step: CommandParser = steps.add_parser(name, help=words)
        step.add_argument("name", metavar=named)
        step.add_argument("--actor", required=True, help="Who decides, as the audit trail shows them.")
        return step

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['step']}")(options)
        except Problem as problem:
            raise CommandError(problem.detail) from None

    def _list(self, options: dict[str, Any]) -> None:
        for document in kyc.waiting_documents():
            ends = document.expires_on or "no end"
            words = [document.public_id, document.type, document.content_type, f"{document.size} bytes", str(ends)]
            self.stdout.write(f"{'  '.join(words)}  {document.merchant.public_id}  {document.merchant.business_name}")

    def _save(self, options: dict[str, Any]) -> None:
        _, data = kyc.open_document(self._key("doc", options), actor=options["actor"])
        path: Path = options["path"]
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(data)
        self.stdout.write(f"{path}: {len(data)} bytes")

    def _approve(self, options: dict[str, Any]) -> None:
        key = self._key("doc", options)
        self._tell(kyc.approve(key, actor=options["actor"], expires_on=options["expires_on"]))

    def _reject(self, options: dict[str, Any]) -> None:
        key = self._key("doc", options)
        self._tell(kyc.reject(key, actor=options["actor"], reasons=options["reason"], note=options["note"]))

    def _ask(self, options: dict[str, Any]) -> None:
        key = self._key("mer", options)
        kyc.ask_for_more(key, actor=options["actor"], types=options["type"], note=options["note"])
        self.stdout.write("The owners are told.")

    def _tell(self, document: KycDocument) -> None:
        document.merchant.refresh_from_db()
        self.stdout.write(f"{document.public_id} is {document.status}; the business is {document.merchant.kyc_status}.")

    def _key(self, prefix: str, options: dict[str, Any]) -> UUID:
        try:
            return from_public(prefix, options["name"])
        except PublicIdInvalid:
            raise CommandError(f"{options['name']} is not an id that begins with {prefix}_.") from None
