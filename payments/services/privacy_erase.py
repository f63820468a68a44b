"""Taking a payer out of every table: money rows stay whole, and whoever looks finds nobody in them."""

from collections import Counter
from contextlib import closing
from hashlib import sha256
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import Q

from audit.services.request_log import forget_calls
from merchants.services.key_use import keep_requests
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.redact import mask_phone
from payments.matching import code_keys, fold, phone_digest
from payments.models import BulkLine, C2bAccount, C2bAlias, MoneyOp, Payment
from payments.services.privacy_places import PLACES, Place
from payments.services.privacy_scrub import Needles
from payments.services.privacy_subject import Subject, payer_digest
from payments.states import FINAL, LINE_OPEN, OP_OPEN, REFUND_OPEN
from providers.registry import parser_for
from settlements.models import Export, ReconFilePart, ReconRun
from settlements.services.recon_bytes import open_piece, seal_piece
from settlements.services.recon_import import place_of
from settlements.services.recon_runs import brought_with

AT_ONCE = 200
VERSIONED = ("transactions", "refunds", "c2b_receipt", "c2b_account")
# The digest of a body is of the one that came in, however often it is gone through.
ONCE = {"body_sha256": "coalesce(body_sha256, %({name})s)"}
# What a statement said of a movement, in the detail of an exception: it may be a name that stands nowhere else.
WORDS_OF_LINES = ("text", "narrative")
DUE = """
SELECT count(*) FROM webhooks_delivery d JOIN webhooks_event e ON e.id = d.event_id
  WHERE d.merchant_id = %(merchant)s AND d.state = 'open' AND split_part(e.key, ':', 2) = ANY(%(objects)s)
"""
# A movement stands in every file of its days, and its row names one of them alone.
FILES = """
WITH named AS (
  SELECT account, mode FROM recon_line WHERE party = ANY(%(parties)s)
    OR id IN (SELECT line_id FROM recon_match WHERE object_id::text = ANY(%(objects)s))
  UNION SELECT account, mode FROM recon_exception
    WHERE (concat_ws(' ', external_id, detail) ~* %(pattern)s OR detail->>'text' LIKE ANY(%(masked)s))
      AND coalesce(merchant_id, %(merchant)s) = %(merchant)s)
SELECT f.id FROM recon_file f WHERE (f.account, f.mode) IN (SELECT account, mode FROM named)
  OR EXISTS (SELECT FROM merchants_provider_account a WHERE a.merchant_id = %(merchant)s AND a.mode = f.mode
             AND f.account = a.provider || ':' || a.shortcode)
"""


# --- what is in the way -----------------------------------------------------------------------------------------------


def is_open(subject: Subject) -> str | None:
    """Why the payer cannot be forgotten yet, in words; None when everything of theirs is closed."""
    ids = subject.keys
    if any(payment.status not in FINAL for payment in subject.payments):
        return "A payment of this payer is not closed yet."
    if any(refund.status in REFUND_OPEN for refund in subject.refunds):
        return "A refund to this payer is not closed yet."
    if MoneyOp.objects.filter(id__in=ids["ops"], status__in=OP_OPEN).exists():
        return "The provider has not said yet what became of a payment or refund of this payer."
    if any(receipt.state != "matched" and receipt.verification != "refuted" for receipt in subject.receipts):
        return "Money of this payer waits to be matched or given back."
    lines = BulkLine.objects.filter(run__merchant_id=subject.merchant_id, status__in=LINE_OPEN)
    if subject.asked.phone and lines.filter(request__phone=subject.asked.phone).exists():
        return "A bulk run is about to ask this payer."
    return None


def deliveries_due(subject: Subject) -> int:
    """Webhooks that tell of the payer and have not arrived yet."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, subject.keys)
        return int(cursor.fetchone()[0])


def waiting_statement_names(subject: Subject) -> bool:
    """Whether the payer is spelled in a statement the merchant brought, which is taken in as it came or not at all."""
    runs = ReconRun.objects.filter(merchant_id=subject.merchant_id, parts__isnull=False).distinct()
    return any(_spells(row, subject.given) for row in runs)


def _spells(run: ReconRun, given: Needles) -> bool:
    with closing(brought_with(run)) as stream:
        return given.is_in(stream.read())


# --- taking out -------------------------------------------------------------------------------------------------------


def erase(subject: Subject) -> dict[str, int]:
    """Rows changed, by table. Run again after a crash, it does what is left; the payer's rows are found first."""
    found = {place: _find(place, subject) for place in PLACES}
    files = _files(subject)
    _keep_digests(subject)
    changed: Counter[str] = Counter()
    for place, keys in found.items():
        for start in range(0, len(keys), AT_ONCE):
            changed[place.table] += _empty(place, keys[start : start + AT_ONCE], subject)
    changed["recon_file_part"] = sum(_star(file, subject.known) for file in files)
    # Those that are on their way there, too.
    keep_requests()
    changed["request_log"] = forget_calls(subject.merchant_id, texts=_texts_of_calls(subject))
    changed["c2b_alias"] = _forget_aliases(subject)
    changed["c2b_account"] += sum(_recode(account, subject.known) for account in subject.accounts)
    changed["export"] += _end_exports(subject)
    return {table: count for table, count in sorted(changed.items()) if count}


def _find(place: Place, subject: Subject) -> list[Any]:
    """Keys of the rows that are linked to the payer, or spell the payer."""
    texts = ", ".join(_as_text(place.table, name) for name in place.texts)
    sql = (
        f"SELECT t.{place.key} FROM {place.table} t WHERE ({place.settled})"  # noqa: S608 - constants of PLACES
        f" AND (({place.linked}) OR (({place.scope}) AND concat_ws(' ', {texts}) ~* %(pattern)s)) ORDER BY 1"
    )
    with transaction.atomic(), connection.cursor() as cursor:
        # It reads all rows a merchant has, and nobody waits for it.
        cursor.execute("SET LOCAL statement_timeout = '30min'")
        cursor.execute(sql, subject.keys)
        return [key for (key,) in cursor.fetchall()]


def _as_text(table: str, column: str) -> str:
    is_bytes = (table, column) == ("provider_event", "body")
    return f"encode(t.{column}, 'escape')" if is_bytes else f"t.{column}::text"


def _empty(place: Place, keys: list[Any], subject: Subject) -> int:
    """Write these rows anew where something changes in them; each round commits alone."""
    columns = ", ".join((place.key, *place.texts))
    changed = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '5min'")
        cursor.execute(f"SELECT {columns} FROM {place.table} WHERE {place.key} = ANY(%s) FOR UPDATE", [keys])  # noqa: S608
        for key, *values in cursor.fetchall():
            before = dict(zip(place.texts, values, strict=True))
            after = _without(place.table, before, subject)
            if different := {name: value for name, value in after.items() if value != before.get(name)}:
                changed += _update(cursor, place, key, different)
    return changed


def _update(cursor: Any, place: Place, key: Any, values: dict[str, Any]) -> int:
    assignments = ", ".join(f"{name} = {ONCE.get(name, '%({name})s').format(name=name)}" for name in values)
    if place.table in VERSIONED:
        assignments += ", version = version + 1"
    sql = f"UPDATE {place.table} SET {assignments} WHERE {place.key} = %(key)s"  # noqa: S608 - constants of PLACES
    cursor.execute(sql, {name: _storable(value) for name, value in values.items()} | {"key": key})
    return 1


def _storable(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, (dict, list)) else value


def _without(table: str, row: dict[str, Any], subject: Subject) -> dict[str, Any]:
    """The texts of one row without the payer."""
    if table == "webhooks_attempt":
        return _emptied_try(row, subject.known)
    after = {name: _cleaned(table, name, value, subject.known) for name, value in row.items()}
    if table == "provider_event" and bytes(row["body"]) != after["body"]:
        after["body_sha256"] = sha256(bytes(row["body"])).digest()
    if table == "recon_line":
        # It may say a name that stands nowhere else.
        after["narrative"] = ""
    if table == "recon_exception":
        detail = orjson.loads(after["detail"])
        words = [name for name in WORDS_OF_LINES if detail.get(name) not in (None, "", subject.known.token)]
        if words:
            after["detail"] = detail | dict.fromkeys(words, subject.known.token)
    return after


# Without these a row says nothing or is refused; in all others a text that was only the payer becomes null.
NEVER_NULL = {
    ("refunds", "reason"), ("c2b_receipt", "bill_ref"), ("c2b_account", "name"),
    ("provider_event", "dedupe"), ("provider_event", "note"), ("merchants_idempotency_key", "key"),
    ("webhooks_delivery", "last_error"), ("webhooks_endpoint", "url"), ("webhooks_endpoint", "description"),
    ("payouts", "reason"), ("payout_batch", "description"), ("payout_destination", "label"),
    ("payouts", "merchant_reference"), ("refunds", "proof"), ("doubt_decision", "receipt"), ("doubt_decision", "note"),
    ("settlement", "hold_reason"), ("settlement", "paid_proof"), ("recon_line", "client_ref"),
    ("recon_line", "linked_id"), ("recon_line", "narrative"), ("recon_line", "account_reference"),
    ("recon_exception", "external_id"),
}  # fmt: skip


def _cleaned(table: str, name: str, value: Any, known: Needles) -> Any:
    if value is None:
        return None
    if isinstance(value, (memoryview, bytes)):
        return _cleaned_body(bytes(value), known)
    if isinstance(value, str):
        left = known.document(value)
        return None if left == known.token and (table, name) not in NEVER_NULL else left
    return known.json(value)


def _cleaned_body(body: bytes, known: Needles) -> bytes:
    """A provider's word: what names somebody goes by its name, and the payer also wherever else."""
    kept = parser_for("daraja").without_personal(body)
    return known.raw(kept)


def _emptied_try(row: dict[str, Any], known: Needles) -> dict[str, Any]:
    """Excerpts are emptied or left: nothing else is let through."""
    empty: dict[str, Any] = {"response_excerpt": "", "request_headers": {}, "response_headers": {}}
    return {
        name: value if _cleaned("webhooks_attempt", name, value, known) == value else empty[name]
        for name, value in row.items()
    }


# --- ways of their own ------------------------------------------------------------------------------------------------


def _files(subject: Subject) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(FILES, subject.keys)
        return [key for (key,) in cursor.fetchall()]


def _texts_of_calls(subject: Subject) -> list[str]:
    """What calls about the payer hold, masked as they are: number, names, and what the payer's rows are called.

    References stand alone in a value or in the path: `A-1` is not in `A-10`.
    """
    of = (("pay", subject.payments), ("ref", subject.refunds), ("c2b", subject.receipts), ("acc", subject.accounts))
    ids = [to_public(prefix, row.id) for prefix, rows in of for row in rows]
    references = {text for row in subject.payments for text in (row.reference, row.merchant_reference) if text}
    alone = [form.format(text) for text in sorted(references) for form in ('"{}"', "/{}/")]
    names = [name for name in subject.known.names if " " in name]
    return [*map(mask_phone, subject.known.phones), *subject.known.emails, *names, *ids, *alone]


def _star(file: Any, known: Needles) -> int:
    """Stars in a stored file, whose lines keep their places; how many of its pieces changed."""
    parts = list(ReconFilePart.objects.filter(file_id=file).order_by("number"))
    pieces = [open_piece(part.body, place=place_of(part.file_id), number=part.number) for part in parts]
    starred, at, changed = known.starred(b"".join(pieces)), 0, 0
    for part, piece in zip(parts, pieces, strict=True):
        left, at = starred[at : at + len(piece)], at + len(piece)
        if left != piece:
            changed += _write_part(part, left)
    return changed


def _write_part(part: ReconFilePart, body: bytes) -> int:
    sealed = seal_piece(body, place=place_of(part.file_id), number=part.number)
    return ReconFilePart.objects.filter(id=part.pk).update(body=sealed)


def _forget_aliases(subject: Subject) -> int:
    hashes = [*map(phone_digest, subject.known.phones), *[each for each in subject.known.exact if len(each) == 64]]
    rows = C2bAlias.objects.filter(Q(payer_key__in=hashes) | Q(account__in=subject.accounts))
    return rows.filter(merchant_id=subject.merchant_id).delete()[0]


def _recode(account: C2bAccount, known: Needles) -> int:
    """A number to type that is the payer's own says no more: it is closed, and a text of ours stands in its place."""
    spelled = [account.code, *account.aliases]
    if [known.text(code) for code in spelled] == spelled:
        return 0
    code = known.token[-12:] + account.id.hex[-8:]
    C2bAccount.objects.filter(id=account.id).update(
        code=code, folded=fold(code), aliases=[], search_keys=sorted(code_keys(code)), is_open=False
    )
    return 1


def _end_exports(subject: Subject) -> int:
    """Files are made of clear rows and live for a day: theirs is over. What waits is made of what is left."""
    return Export.objects.filter(merchant_id=subject.merchant_id, status="ready").update(expires_at=now())


def _keep_digests(subject: Subject) -> None:
    """The same payer is the same still, and is no longer anybody. First of all: afterwards nobody knows the number."""
    for payment in subject.payments:
        digests = {
            f"{name}_digest": payer_digest(subject.merchant_id, text.lower())
            for name, text in (("phone", payment.phone), ("email", payment.email))
            if text and subject.known.text(text) == subject.known.token
        }
        if digests:
            Payment.objects.filter(id=payment.id).update(**digests)
