"""Who is asked about: the rows of one payer at one merchant, and everything that payer is known by in them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.redact import mask_phone
from payments.matching import PayerFit, payer_fit, phone_digest
from payments.models import C2bAccount, C2bReceipt, MoneyOp, Payment, Refund
from payments.services.privacy_scrub import Needles
from settlements.services.recon_sources import party_digest

TOKEN_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """By what a payer was named: a canonical phone, an e-mail address, or both. At least one."""

    phone: str | None = None
    email: str | None = None

    def digest(self, merchant_id: UUID) -> str:
        """Keyed: says nothing, and is the same for the same payer of the same merchant."""
        return payer_digest(merchant_id, f"{self.phone or ''} {(self.email or '').lower()}")


def payer_digest(merchant_id: UUID, text: str) -> str:
    return keyed_digest(f"payer {merchant_id} {text}").hex()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One payer: `given` finds where they are spelled, `known` is all that is taken out there."""

    merchant_id: UUID
    asked: Asked
    payments: list[Payment]
    receipts: list[C2bReceipt]
    accounts: list[C2bAccount]
    refunds: list[Refund]
    ops: list[MoneyOp]
    given: Needles
    known: Needles
    keys: dict[str, Any] = field(default_factory=dict)


def find_subject(merchant_id: UUID, asked: Asked) -> Subject:
    """The payer's rows in both modes. A payment of theirs that somebody else's phone paid is theirs as well."""
    accounts = list(_accounts(merchant_id, asked))
    receipts = list(C2bReceipt.objects.filter(_of_receipt(asked), merchant_id=merchant_id))
    receipts += _starred(merchant_id, asked, receipts=receipts, accounts=accounts)
    paid = [receipt.payment_id for receipt in receipts if receipt.payment_id]
    payments = list(Payment.objects.filter(id__in={*_payment_ids(merchant_id, asked), *paid}))
    ids = [payment.id for payment in payments]
    receipts += list(C2bReceipt.objects.filter(payment_id__in=ids).exclude(id__in=[each.id for each in receipts]))
    refunds = list(Refund.objects.filter(payment_id__in=ids))
    ops = list(MoneyOp.objects.filter(Q(payment_id__in=ids) | Q(refund__in=refunds)))
    given = _needles(merchant_id, asked)
    return Subject(
        merchant_id=merchant_id,
        asked=asked,
        payments=payments,
        receipts=receipts,
        accounts=accounts,
        refunds=refunds,
        ops=ops,
        given=given,
        known=_known(merchant_id, asked, payments=payments, receipts=receipts, accounts=accounts),
        keys=_keys(merchant_id, given, rows=(payments, receipts, accounts, refunds, ops)),
    )


def _payment_ids(merchant_id: UUID, asked: Asked) -> set[UUID]:
    """One question for each index."""
    wanted: list[Any] = []
    if asked.phone:
        wanted += [Q(phone=asked.phone, mode=mode) for mode in ("live", "test")]
        wanted.append(Q(phone_hash=phone_digest(asked.phone)))
    if asked.email:
        wanted.append(Exact(Lower("email"), asked.email.lower()))
    rows = Payment.objects.filter(merchant_id=merchant_id)
    return {key for each in wanted for key in rows.filter(each).values_list("id", flat=True)}


def _of_receipt(asked: Asked) -> Q:
    if asked.phone is None:
        return Q(pk__in=[])
    return Q(phone=asked.phone) | Q(phone_hash=phone_digest(asked.phone))


def _starred(
    merchant_id: UUID, asked: Asked, *, receipts: list[C2bReceipt], accounts: list[C2bAccount]
) -> list[C2bReceipt]:
    """Receipts on which the number has stars that fit, and the name or the account is the payer's."""
    if asked.phone is None:
        return []
    names = {*_texts(receipt.payer_name for receipt in receipts), *(account.name for account in accounts)}
    rows = C2bReceipt.objects.filter(
        Q(account__in=accounts) | Q(payer_name__in=names),
        merchant_id=merchant_id,
        phone=None,
        phone_hash=None,
        phone_masked__isnull=False,
    )
    return [row for row in rows if payer_fit(asked.phone, phone_masked=row.phone_masked) is PayerFit.COMPATIBLE]


def _accounts(merchant_id: UUID, asked: Asked) -> Iterable[C2bAccount]:
    """Numbers to type that are the payer's: by the phone on them, or because the number is the phone."""
    if asked.phone is None:
        return []
    spelled = [asked.phone, "0" + asked.phone[3:], "+" + asked.phone, asked.phone[3:]]
    return C2bAccount.objects.filter(Q(phone=asked.phone) | Q(code__in=spelled), merchant_id=merchant_id)


def _token(merchant_id: UUID, asked: Asked) -> str:
    return "erased" + asked.digest(merchant_id)[:TOKEN_DIGITS]


def _needles(merchant_id: UUID, asked: Asked, **more: Iterable[str]) -> Needles:
    phones = [asked.phone] if asked.phone else []
    emails = [asked.email] if asked.email else []
    return Needles(
        token=_token(merchant_id, asked),
        phones=phones,
        emails=[*emails, *more.get("emails", ())],
        exact=[*map(phone_digest, phones), *more.get("exact", ())],
        names=more.get("names", ()),
    )


def _known(
    merchant_id: UUID,
    asked: Asked,
    *,
    payments: list[Payment],
    receipts: list[C2bReceipt],
    accounts: list[C2bAccount],
) -> Needles:
    """With what else stands in the payer's own rows: names, addresses, masked and hashed numbers."""
    own = [payment for payment in payments if _is_theirs(payment, asked)]
    theirs = [receipt for receipt in receipts if receipt.phone in (None, asked.phone)]
    others = [payment.phone for payment in own if payment.phone and payment.phone != asked.phone]
    return Needles(
        token=_token(merchant_id, asked),
        phones=[*([asked.phone] if asked.phone else []), *others],
        emails=[*([asked.email] if asked.email else []), *_texts(payment.email for payment in own)],
        exact=[
            *([phone_digest(asked.phone)] if asked.phone else []),
            *_texts(payment.phone_hash for payment in own),
            *_texts(receipt.phone_hash for receipt in theirs),
            *_texts(receipt.phone_masked for receipt in theirs),
            # As a whole: "House 7" is no name of a person.
            *_texts(account.name for account in accounts),
        ],
        names=[
            *_texts(payment.payer_name for payment in own),
            *_texts(receipt.payer_name for receipt in theirs),
        ],
    )


def _is_theirs(payment: Payment, asked: Asked) -> bool:
    is_email = bool(asked.email and payment.email and payment.email.lower() == asked.email.lower())
    return is_email or payment.phone in (None, asked.phone)


def _texts(found: Iterable[str | None]) -> list[str]:
    return [text for text in found if text]


def _keys(merchant_id: UUID, given: Needles, *, rows: tuple[list[Any], ...]) -> dict[str, Any]:
    """What the conditions of PLACES ask for."""
    payments, receipts, accounts, refunds, ops = rows
    evidence = [row.evidence_id for row in (*payments, *receipts, *refunds, *ops) if row.evidence_id]
    return {
        "merchant": merchant_id,
        "payments": [row.id for row in payments],
        "receipts": [row.id for row in receipts],
        "accounts": [row.id for row in accounts],
        "refunds": [row.id for row in refunds],
        "ops": [row.id for row in ops],
        "evidence": evidence,
        "parties": [party_digest(phone) for phone in given.phones],
        "objects": [str(row.id) for row in (*payments, *receipts, *accounts, *refunds)],
        "pattern": given.sql(),
        "masked": [f"%{mask_phone(phone)}%" for phone in given.phones],
    }
