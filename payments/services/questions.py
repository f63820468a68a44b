"""Questions whose answers come by callback: put after the commit, and again until somebody answers."""

from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings

from merchants.models import ProviderAccount
from merchants.services.provider_accounts import provider_for
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.jobs import nudge
from payments import schedule
from payments.models import C2bClaim, C2bReceipt, MoneyOp, ProviderQuestion
from payments.services.out_names import names_to_ask_by
from providers.errors import NotSupported, ProviderRejected, ProviderTimeout, ProviderUnavailable
from providers.types import StatusRequest

log = structlog.get_logger(__name__)
JOB = "payments.put_questions"
BATCH = 20
TRANSACTION_STATUS, BALANCE = "transaction_status", "balance"
ASKED, ANSWERED, REFUSED, LOST = "asked", "answered", "refused", "lost"
# The first answer that there is no such transaction may have been faster than the network's own books.
UNKNOWN_ANSWERS = 2


# --- to be asked ------------------------------------------------------------------------------------------------------


def ask_about_receipt(receipt: C2bReceipt) -> None:
    """Have the provider confirm money that a callback told of; asked now, and again until there is an answer."""
    _ask(
        {"c2b_receipt_id": receipt.id},
        provider=receipt.provider,
        mode=receipt.mode,
        account_id=receipt.provider_account_id,
        receipt=receipt.receipt,
    )


def ask_about_claim(claim: C2bClaim, account: ProviderAccount) -> None:
    """Have the provider look for a receipt that nobody here knows, on the account it should have reached."""
    _ask({"claim_id": claim.id}, provider=claim.provider, mode=claim.mode, account_id=account.id, receipt=claim.receipt)


def ask_about_hearsay(account: ProviderAccount, receipt: str) -> None:
    """Have the provider tell about a receipt that somebody whom we do not trust says has reached the account."""
    subject = {"op_id": None, "c2b_receipt_id": None, "claim_id": None, "receipt": receipt}
    known = ProviderQuestion.objects.filter(provider=account.provider, mode=account.mode, **subject)
    if not known.exists():
        _ask(subject, provider=account.provider, mode=account.mode, account_id=account.id)


def ask_about_operation(op: MoneyOp) -> None:
    """Ask now, once, what became of money that was sent, by the name that tells."""
    names = names_to_ask_by(op)
    _ask({"op_id": op.id, **names}, provider=op.provider, mode=op.mode, account_id=op.provider_account_id)


def _ask(subject: dict[str, Any], *, provider: str, mode: str, account_id: UUID | None, **names: Any) -> None:
    at = now()
    open_ones = ProviderQuestion.objects.filter(**subject, kind=TRANSACTION_STATUS, status__in=(ASKED, REFUSED))
    if not open_ones.update(next_ask=at):
        key = new_id()
        ProviderQuestion.objects.create(
            id=key,
            provider=provider,
            mode=mode,
            provider_account_id=account_id,
            kind=TRANSACTION_STATUS,
            client_ref=to_public("qst", key),
            token_hash=sha256(_token(key).encode()).digest(),
            status=ASKED,
            next_ask=at,
            created_at=at,
            **(subject | names),
        )
    nudge(JOB)


def _token(question_id: UUID) -> str:
    """The secret part of a question's own addresses: made of its key, so that it need not be kept."""
    return keyed_digest(f"provider_question:{question_id}")[:16].hex()


# --- putting them -----------------------------------------------------------------------------------------------------


def put_questions(*, batches: int = 10) -> int:
    """Put every question that is due; returns how many. Two workers at once put each one once."""
    put = 0
    for _ in range(batches):
        taken = retry_unit(_take)
        if not taken:
            break
        put += len(taken)
        for question in taken:
            _put(question)
    return put


def _take() -> list[ProviderQuestion]:
    """Due rows, moved on to their next time before anybody is asked."""
    at = now()
    due = ProviderQuestion.objects.select_for_update(skip_locked=True).filter(next_ask__lte=at)
    taken = list(due.order_by("next_ask")[:BATCH])
    for question in taken:
        question.tries += 1
        question.next_ask = _next_ask(question, at)
        if question.next_ask is None and question.op_id is None:
            question.status = LOST
        question.save(update_fields=["tries", "next_ask", "status"])
    return taken


def _next_ask(question: ProviderQuestion, at: datetime) -> datetime | None:
    """An operation's question is put again by the schedule of its operation, the others by one of their own."""
    return None if question.op_id else schedule.next_question_at(question.created_at, at, tries=question.tries)


def _put(question: ProviderQuestion) -> None:
    mine = ProviderQuestion.objects.filter(id=question.id)
    try:
        provider = provider_for(question.provider, question.mode, question.provider_account_id)
        answer = provider.ask_status(_request(question))
    except ProviderUnavailable:
        mine.filter(status=ASKED).update(next_ask=schedule.unanswered_retry_at(now()))
    except (ProviderRejected, NotSupported, Problem) as error:
        # Nobody may ask with these credentials; they may be mended, so the schedule goes on.
        log.warning("question_refused", question=question.client_ref, error=str(error)[:200])
        mine.filter(status=ASKED).update(status=REFUSED)
    except ProviderTimeout as error:
        log.info("question_in_doubt", question=question.client_ref, error=type(error).__name__)
    else:
        mine.filter(status__in=(ASKED, REFUSED)).update(status=ASKED, provider_ref=answer.provider_reference)


def _request(question: ProviderQuestion) -> StatusRequest:
    base = f"{settings.BASE_URL}/api/v1/hooks/{_token(question.id)}"
    return StatusRequest(
        reference=question.client_ref,
        receipt=question.receipt,
        original_reference=question.original_reference,
        result_url=f"{base}/result/status/",
        timeout_url=f"{base}/timeout/status/",
    )


# --- answered ---------------------------------------------------------------------------------------------------------


def close_question(question: ProviderQuestion, *, evidence: int) -> None:
    """The provider has decided: it is not asked again."""
    ProviderQuestion.objects.filter(id=question.id).update(
        status=ANSWERED, answer_id=evidence, answered_at=now(), next_ask=None
    )


def count_unknown(question: ProviderQuestion, *, evidence: int) -> bool:
    """The provider has no such transaction; True when it has said so often enough to be believed."""
    locked = ProviderQuestion.objects.select_for_update().get(id=question.id)
    locked.unknown_there += 1
    locked.save(update_fields=["unknown_there"])
    if locked.unknown_there < UNKNOWN_ANSWERS:
        return False
    close_question(question, evidence=evidence)
    return True
