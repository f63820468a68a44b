"""Accounts that payers type: made, changed, closed."""

import secrets
from typing import Any

from django.db import IntegrityError, transaction

from merchants.models import ProviderAccount
from merchants.services.platform_accounts import platform_account
from merchants.services.provider_accounts import account_of
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from payments.account_codes import new_code
from payments.matching import code_keys, fold
from payments.models import C2bAccount, Payment
from payments.services.c2b_events import note_account

PROVIDER = "daraja"
DRAWS = 10


def shortcode_of(caller: Caller, provider: str = PROVIDER) -> ProviderAccount:
    """Where the caller's payers send money to: the merchant's own shortcode, else the platform's.

    Raises Problem provider_not_configured in live mode without any.
    """
    own = account_of(caller, provider)
    return platform_account(provider, caller.mode) if own is None else ProviderAccount.objects.get(id=own)


def add_account(caller: Caller, wanted: dict[str, Any]) -> C2bAccount:
    """A new open account on the caller's shortcode; `wanted` is NewAccountSerializer's checked input.

    Raises Problem state_conflict when the code, or one that looks like it, is in use on the shortcode.
    """
    where = shortcode_of(caller)
    code = wanted.get("code")
    if code is not None:
        return _store(caller, where, code, wanted)
    for _ in range(DRAWS):
        try:
            return _store(caller, where, free_code(where), wanted)
        except Problem as refusal:
            # Somebody took the drawn code in between.
            if refusal.param != "code":
                raise
    raise Problem("internal_error", "No free code was found; ask again.")


def free_code(where: ProviderAccount) -> str:
    """A code of eight digits that stands for nothing on the shortcode yet; the database has the last word."""
    while True:
        code = new_code(draw=secrets.randbelow)
        if not _is_taken(where, code):
            return code


def _is_taken(where: ProviderAccount, code: str) -> bool:
    place = {"provider": where.provider, "mode": where.mode, "shortcode": where.shortcode}
    is_account = C2bAccount.objects.filter(**place, search_keys__contains=[fold(code)]).exists()
    return is_account or Payment.objects.filter(account_reference=code.upper()).exists()


def _store(caller: Caller, where: ProviderAccount, code: str, wanted: dict[str, Any]) -> C2bAccount:
    account = C2bAccount(
        id=new_id(),
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        provider=where.provider,
        shortcode=where.shortcode,
        code=code,
        folded=fold(code),
        is_open=True,
        created_by=caller.actor,
        created_at=now(),
        version=1,
        **_fields({"aliases": [], **wanted}),
    )
    _refuse_clash(account)
    account.search_keys = _search_keys(account)
    try:
        with transaction.atomic():
            account.save(force_insert=True)
            note_account(account, "created", actor=caller.actor)
    except IntegrityError:
        raise _taken("code") from None
    return account


def _refuse_clash(account: C2bAccount) -> None:
    """What means two accounts means none: no text may be two accounts' on one shortcode, whosever they are."""
    mine = {fold(text): "aliases" for text in account.aliases} | {fold(account.code): "code"}
    rows = C2bAccount.objects.filter(provider=account.provider, mode=account.mode, shortcode=account.shortcode)
    for other in rows.exclude(id=account.id).filter(search_keys__overlap=list(mine)):
        for text in (other.code, *other.aliases):
            if fold(text) in mine:
                raise _taken(mine[fold(text)])
    texts = [text.upper() for text in (account.code, *account.aliases)]
    if Payment.objects.filter(account_reference__in=texts).exists():
        raise _taken("code")


def _taken(param: str) -> Problem:
    detail = "This text, or one that looks like it, is in use on the shortcode."
    return Problem("state_conflict", detail, param=param)


def change_account(caller: Caller, account: C2bAccount, changes: dict[str, Any]) -> C2bAccount:
    """Changed fields of AccountChangesSerializer's checked input; the rest stays as it is.

    Raises Problem state_conflict for an alias that means another account.
    """

    def unit() -> C2bAccount:
        fresh: C2bAccount = C2bAccount.objects.select_for_update().get(id=account.id)
        for name, value in _fields(changes).items():
            setattr(fresh, name, value)
        _refuse_clash(fresh)
        fresh.search_keys = _search_keys(fresh)
        fresh.version += 1
        fresh.save()
        note_account(fresh, "changed", actor=caller.actor, detail={"changed": sorted(changes)})
        return fresh

    return retry_unit(unit)


def close_account(caller: Caller, account: C2bAccount) -> C2bAccount:
    """From now on its code is refused before payment where that can be asked, and money for it waits for a person."""

    def unit() -> C2bAccount:
        fresh: C2bAccount = C2bAccount.objects.select_for_update().get(id=account.id)
        if fresh.is_open:
            fresh.is_open = False
            fresh.version += 1
            fresh.save(update_fields=["is_open", "version"])
            note_account(fresh, "closed", actor=caller.actor)
        return fresh

    return retry_unit(unit)


def _fields(wanted: dict[str, Any]) -> dict[str, Any]:
    """Columns from checked input: money in minor units."""
    columns = {name: value for name, value in wanted.items() if name != "code"}
    expected = columns.get("expected_amount")
    if isinstance(expected, Money):
        columns["expected_amount"] = expected.minor
    return columns


def _search_keys(account: C2bAccount) -> list[str]:
    keys: set[str] = set()
    for code in (account.code, *account.aliases):
        keys |= code_keys(code)
    return sorted(keys)
