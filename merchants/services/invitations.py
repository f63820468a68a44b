"""Invitations to a merchant's team: mailed, taken once by whoever reads the mailbox, and worth what its maker may."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction

from audit.services import record
from merchants.models import Invitation, Membership, Merchant, User
from merchants.selectors.find import invitation_of, person_of
from merchants.selectors.records import forget_seat
from merchants.selectors.rights import TEAM
from merchants.services.passwords import set_password
from merchants.services.people_mail import MESSAGE, MOST_IN_AN_HOUR, may_mail, send
from merchants.services.step_up import require_recent
from merchants.services.team_rules import given_in, lock_team, refuse_wider, role_at, scopes_at, tell_owners
from merchants.services.verification import require_verified_email
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.db import broke
from onpoint_pay.kit.errors import Fault, Invalid, Problem, RateLimited
from onpoint_pay.kit.ids import random_letters

LIVES = timedelta(days=7)
PAUSE_SECONDS = 60 * 60
# Five bits each.
LETTERS = 32
NEEDED_OF_THE_NEW = ("first_name", "last_name", "password")
_signer = Signer(salt="merchants.invitation", sep=".")


# --- inviting ---------------------------------------------------------------------------------------------------------


def invite(caller: Caller, *, email: str, role: str) -> Invitation:
    """Mail somebody, registered or not, a way to a role at the caller's merchant; an earlier one to them ends.

    Raises RateLimited, and Problem permission_denied (a role that may do more than the caller's), parameter_invalid (no
    role), state_conflict (a member already), email_unverified (the caller's own address is), step_up_required.
    """
    require_verified_email(caller, to="invite people")
    require_recent(caller, to="invite somebody")
    token = _signer.sign(random_letters(LETTERS))
    with transaction.atomic():
        merchant = lock_team(caller.merchant_id)
        given = role_at(merchant.id, role)
        refuse_wider(caller, given.scopes)
        if Membership.objects.filter(user__email=email, merchant=merchant).exists():
            raise Problem("state_conflict", "They are a member already; change their role instead.")
        _refuse_many(email)
        Invitation.objects.filter(merchant=merchant, email=email, accepted_at=None, revoked_at=None).update(
            revoked_at=now()
        )
        invitation = Invitation.objects.create(
            merchant=merchant,
            email=email,
            role=given.role,
            custom_role=given.custom_role,
            digest=_digest(token),
            invited_by_id=person_of(caller),
            expires_at=now() + LIVES,
        )
        send(to=email, subject="OnPoint Pay: you are invited to a team", body=_letter(merchant, token))
        _tell(invitation, caller.actor, "sent", role=given.name)
        tell_owners(merchant.id, "Somebody was invited", object_id=invitation.public_id)
    return invitation


def revoke_invitation(caller: Caller, invitation_id: UUID) -> None:
    """The mailed token works no more.

    Raises NotFound, Problem step_up_required, and state_conflict for one that was taken.
    """
    require_recent(caller, to="take back an invitation")
    with transaction.atomic():
        lock_team(caller.merchant_id)
        invitation = invitation_of(caller, invitation_id)
        if invitation.accepted_at is not None:
            raise Problem("state_conflict", "It was accepted; remove the member instead.")
        if invitation.revoked_at is None:
            invitation.revoked_at = now()
            invitation.save(update_fields=["revoked_at"])
            _tell(invitation, caller.actor, "revoked")


def _refuse_many(email: str) -> None:
    if not may_mail(MESSAGE, to=email):
        detail = f"At most {MOST_IN_AN_HOUR} mails are sent to one address in an hour."
        raise RateLimited(retry_after_seconds=PAUSE_SECONDS, detail=detail)


def _letter(merchant: Merchant, token: str) -> str:
    """The name of the business was typed by its owner: without what makes a link or a line of its own."""
    name = re.sub(r"[^\w &'-]", " ", merchant.business_name)[:60]
    where = f"{settings.DASHBOARD_URL}/invitation#code={token}"
    return "\n\n".join(
        (
            f'You are invited to work with the payments of the business that calls itself "{name}". '
            "To accept, within 7 days:",
            where,
            "If you do not know this business, leave this mail alone: nothing happens without you.",
        )
    )


# --- accepting --------------------------------------------------------------------------------------------------------


def accept_invitation(*, token: str, person: dict[str, Any]) -> Membership:
    """Take the place, as the registered person of the address, or as a new one who is made of `person`.

    Whoever has the token reads the mailbox, so a new person's address is verified. Raises Invalid when a new person
    says too little or has a weak password; Problem link_expired for a token that is made up, old, used or revoked, or
    whose maker may not invite so any more; email_unverified when the address was registered by nobody knows whom;
    permission_denied for a closed account, merchant_suspended, and state_conflict for a member.
    """
    found = _living(token)
    newcomer = _newcomer(found.email, person)
    try:
        with transaction.atomic():
            return _take(token, newcomer)
    except IntegrityError as error:
        if not broke(error, "user_email_once"):
            raise
        # They registered at the same moment.
        raise Problem("email_unverified") from None


def _newcomer(email: str, person: dict[str, Any]) -> User | None:
    """None for somebody who has registered. The slow hash is made before anything is locked."""
    if User.objects.filter(email=email).exists():
        return None
    missing = [name for name in NEEDED_OF_THE_NEW if not person.get(name)]
    if missing:
        raise Invalid(
            [
                Fault(param=name, code="parameter_missing", detail="You are new here: this is needed.")
                for name in missing
            ]
        )
    names = {name: person.get(name, "") for name in ("first_name", "last_name", "phone")}
    user = User(email=email, email_verified_at=now(), **names)
    set_password(user, person["password"])
    return user


def _take(token: str, newcomer: User | None) -> Membership:
    merchant = lock_team(_living(token).merchant_id)
    # Read again, now that nobody else changes this team.
    invitation = _living(token)
    if merchant.status == Merchant.Status.SUSPENDED:
        raise Problem("merchant_suspended")
    _refuse_powerless_maker(invitation)
    user = _person(invitation.email, newcomer)
    if Membership.objects.filter(user=user, merchant=merchant).exists():
        raise Problem("state_conflict", "You are a member already.")
    invitation.accepted_at, invitation.accepted_by = now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    member = Membership.objects.create(
        user=user,
        merchant=merchant,
        role=invitation.role,
        custom_role=invitation.custom_role,
        added_by=invitation.invited_by.public_id,
    )
    _tell(invitation, user.public_id, "accepted", role=invitation.role_name, member=member.public_id)
    tell_owners(merchant.id, "An invitation was accepted", object_id=member.public_id)
    transaction.on_commit(lambda: forget_seat(user.id, merchant.id), robust=True)
    return member


def _person(email: str, newcomer: User | None) -> User:
    user = User.objects.filter(email=email).first()
    if user is None and newcomer is not None:
        newcomer.save(force_insert=True)
        return newcomer
    if user is None or not user.is_active:
        raise Problem("permission_denied", "This account is closed.")
    if user.email_verified_at is None:
        # Anybody could have registered it, and would come in by this.
        raise Problem(
            "email_unverified",
            "An account was registered with your address, and never verified.",
            next_step="Set a new password at /auth/password/forgot/, which makes the account yours; then accept again.",
        )
    return user


def _living(token: str) -> Invitation:
    try:
        _signer.unsign(token)
    except BadSignature:
        raise _expired() from None
    rows = Invitation.objects.select_related("invited_by", "custom_role")
    found = rows.filter(digest=_digest(token), accepted_at=None, revoked_at=None, expires_at__gt=now()).first()
    if found is None:
        raise _expired()
    return found


def _refuse_powerless_maker(invitation: Invitation) -> None:
    """Nobody comes in by the word of somebody who was let go, or who may do less than that by now."""
    maker = scopes_at(invitation.invited_by_id, invitation.merchant_id)
    if TEAM not in maker or given_in(invitation).scopes - maker:
        raise _expired()


def _expired() -> Problem:
    return Problem("link_expired", "This invitation was used, has ended, or is not one of ours.")


def _digest(token: str) -> bytes:
    return keyed_digest(f"invitation:{token}")


def _tell(invitation: Invitation, actor: str, deed: str, **detail: str) -> None:
    record(
        merchant_id=invitation.merchant_id,
        actor=actor,
        action=f"invitation.{deed}",
        object_id=invitation.public_id,
        detail=detail,
    )
