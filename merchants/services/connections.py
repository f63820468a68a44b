"""Connecting a merchant's own shortcode, changing its credentials, and putting it out of use."""

import secrets
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from audit.services import record
from merchants.models import Merchant, ProviderAccount
from merchants.selectors.accounts import accounts_for
from merchants.selectors.records import forget_merchant
from merchants.serializers.accounts import held_secrets
from merchants.services.step_up import require_recent_in_live
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.db import broke
from onpoint_pay.kit.errors import Fault, Invalid, NotFound, Problem

SEALED = ("consumer_key", "consumer_secret", "passkey", "initiator_password", "security_credential", "pull_phone")
# Without these nobody would know whose app asks; the simulator knows them itself.
NEEDED = ("consumer_key", "consumer_secret")
OPEN = (
    "name",
    "initiator_name",
    "certificate",
    "c2b_version",
    "validation_default",
    "partial_reversals",
    "is_default",
    "is_active",
)
ENVIRONMENTS = {"test": ("sandbox", "simulator"), "live": ("production",)}
# What a check said of the credentials it was made with holds no longer.
UNTESTED = {*SEALED, "initiator_name", "certificate", "c2b_version"}


def connect_account(caller: Caller, wanted: dict[str, Any]) -> ProviderAccount:
    """A new account in the caller's mode, which serves from now on unless `is_default` is false.

    `wanted` is NewProviderAccountSerializer's validated input. Raises Invalid, and Problem state_conflict when the
    shortcode is connected already, by whomever; step_up_required in live mode, as all that says where money comes in.
    """
    require_recent_in_live(caller, to="connect a shortcode")
    account = ProviderAccount(
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        created_by=caller.actor,
        **{name: value for name, value in wanted.items() if name not in SEALED},
    )
    if not account.environment:
        account.environment = ENVIRONMENTS[caller.mode][0]
    given = {name: wanted[name] for name in SEALED if wanted.get(name)}
    _check(account, given)
    account.put_secrets(given)
    account.put_hook_token(secrets.token_hex(16))
    with transaction.atomic():
        _lock(caller.merchant_id)
        _save(account, is_new=True)
        detail = {"provider": account.provider, "shortcode": account.shortcode, "environment": account.environment}
        _tell(account, caller.actor, "connected", **detail)
    return account


def change_account(caller: Caller, account_id: UUID, changes: dict[str, Any]) -> ProviderAccount:
    """Take over `changes` of SEALED and OPEN; an empty text clears. What does not differ is no change.

    Raises NotFound, Invalid, and Problem state_conflict when it comes back into use and its shortcode is taken;
    step_up_required in live mode.
    """
    require_recent_in_live(caller, to="change a shortcode")
    with transaction.atomic():
        account = _locked(caller, account_id)
        held = held_secrets(account)
        wanted = held | {name: changes[name] for name in SEALED if name in changes}
        sealed = {name: value for name, value in wanted.items() if value}
        changed = {name for name in OPEN if name in changes and changes[name] != getattr(account, name)}
        changed |= {name for name in SEALED if held.get(name) != sealed.get(name)}
        if not changed:
            return account
        for name in changed & set(OPEN):
            setattr(account, name, changes[name])
        _check(account, sealed)
        account.put_secrets(sealed)
        if changed & UNTESTED:
            account.checked_at = account.check_report = None
        account.version += 1
        _save(account)
        _tell(account, caller.actor, "changed", fields=sorted(changed))
    return account


def disconnect_account(caller: Caller, account_id: UUID) -> ProviderAccount:
    """Put the account out of use for new payments; what is under way is still asked about with its credentials.

    Doing it again changes nothing. Raises NotFound, Problem step_up_required in live mode.
    """
    require_recent_in_live(caller, to="take a shortcode out of use")
    with transaction.atomic():
        account = _locked(caller, account_id)
        if account.is_active:
            account.is_active = False
            account.version += 1
            _save(account)
            _tell(account, caller.actor, "disconnected")
    return account


def _check(account: ProviderAccount, sealed: dict[str, str]) -> None:
    """Raises Invalid for an environment of the other mode and for missing credentials."""
    faults = []
    if account.environment not in ENVIRONMENTS[account.mode]:
        fitting = " or ".join(ENVIRONMENTS[account.mode])
        detail = f"In {account.mode} mode the environment is {fitting}."
        faults.append(Fault(param="environment", code="parameter_invalid", detail=detail))
    for name in NEEDED if not account.is_simulated else ():
        if not sealed.get(name):
            faults.append(Fault(param=name, code="parameter_missing", detail="The account cannot work without it."))
    if faults:
        raise Invalid(faults)


def _save(account: ProviderAccount, *, is_new: bool = False) -> None:
    """Store the row inside the caller's transaction; the merchant's cards are read anew after the commit."""
    if account.is_default and account.is_active:
        _retire_default(account)
    try:
        with transaction.atomic():
            account.save(force_insert=is_new)
    except IntegrityError as error:
        if not broke(error, "provider_account_owner"):
            raise
        raise Problem("state_conflict", "This shortcode is already connected.", param="shortcode") from None
    merchant_id = account.merchant_id
    assert merchant_id is not None  # noqa: S101 - the platform's own account is no merchant's to change
    transaction.on_commit(lambda: forget_merchant(merchant_id), robust=True)


def _retire_default(account: ProviderAccount) -> None:
    """One account serves: the one before it stays connected and steps back."""
    others = accounts_for(account.merchant_id, account.mode).exclude(id=account.id)  # type: ignore[arg-type]
    others.filter(provider=account.provider, is_default=True, is_active=True).update(
        is_default=False, version=F("version") + 1
    )


def _lock(merchant_id: UUID) -> None:
    """Two changes of one merchant's accounts at once take turns; payments, which only point at the row, do not wait."""
    Merchant.objects.select_for_update(no_key=True).get(id=merchant_id)


def _locked(caller: Caller, account_id: UUID) -> ProviderAccount:
    _lock(caller.merchant_id)
    account = accounts_for(caller.merchant_id, caller.mode).select_for_update().filter(id=account_id).first()
    if account is None:
        raise NotFound
    return account


def _tell(account: ProviderAccount, actor: str, action: str, **detail: object) -> None:
    record(
        merchant_id=account.merchant_id,
        actor=actor,
        action=f"provider_account.{action}",
        object_id=account.public_id,
        detail=detail | {"livemode": account.mode == LIVE},
    )
