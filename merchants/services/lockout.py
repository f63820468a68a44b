"""Failed sign-ins and codes: whom they are counted for, when further tries must wait, and who is told.

A password is counted for account and address together, for the account over all addresses its person is a stranger at,
and for the address over all accounts. Who tries in somebody's name from elsewhere cannot keep them out for good: a gate
stays shut for 15 minutes at most, the addresses a person has signed in from are past the second gate, and so is one at
which they used a mailed link. While the store of the counters is away, nobody is let in.
"""

from dataclasses import dataclass

from merchants.models import OneTimeToken, Session, User
from merchants.services.origins import here
from merchants.services.people_mail import may_mail, tell
from onpoint_pay.kit.errors import Problem, RateLimited
from onpoint_pay.kit.lockout import Gate, StoreAway, forgive, knock, reopen

PASSWORD, PLACE, CODE = "login", "login_address", "code"
AWAY_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One counted try. `own` is the gate of nobody else, forgotten by a success; `told` the mail about a shut gate."""

    email: str
    gates: tuple[Gate, ...]
    own: Gate
    told: str
    has_shut: bool

    def succeeded(self) -> None:
        """Take the try back. A store that has gone meanwhile changes nothing: what was given was right."""
        reopen([self.own])
        others = [gate for gate in self.gates if gate != self.own]
        if others:
            try:
                forgive(others)
            except StoreAway:
                return

    def failed(self) -> None:
        """Leave the try counted; the person is mailed when it shut a gate of theirs, once an hour at most.

        The same is written when nobody has the address. Call it inside a transaction.
        """
        if self.has_shut and may_mail(self.told, to=self.email, most=1):
            tell(self.told, to=self.email)


def begin_password(email: str) -> Attempt:
    """Count a try to give the password. Raises RateLimited, and Problem sign_in_unavailable without the counters."""
    place = here().place
    own = Gate(policy=PASSWORD, key=f"{email} {place}")
    gates = [own]
    if place:
        # Without an address everybody would be counted as one.
        gates.append(Gate(policy=PLACE, key=place))
    if not _has_been_at(email, place):
        gates.append(_strange_gate(email))
    return _begin(gates, own=own, email=email, told="sign_in_locked")


def begin_code(user: User) -> Attempt:
    """Count a try to give a code. Raises as begin_password."""
    own = _code_gate(user)
    return _begin([own], own=own, email=user.email, told="codes_locked")


def open_gates(user: User) -> None:
    """The person has shown that the mailbox is theirs: what others tried in their name is forgotten."""
    reopen([Gate(policy=PASSWORD, key=f"{user.email} {here().place}"), _strange_gate(user.email), _code_gate(user)])


def _begin(gates: list[Gate], *, own: Gate, email: str, told: str) -> Attempt:
    try:
        found = knock(gates)
    except StoreAway:
        raise Problem("sign_in_unavailable", retry_after_seconds=AWAY_SECONDS) from None
    if found.wait:
        detail = f"Too many failed tries; the next may be made in {found.wait} seconds."
        raise RateLimited(retry_after_seconds=found.wait, detail=detail)
    has_shut = any(gate.policy != PLACE for gate in found.shut)
    return Attempt(email=email, gates=tuple(gates), own=own, told=told, has_shut=has_shut)


def _strange_gate(email: str) -> Gate:
    return Gate(policy=PASSWORD, key=email)


def _code_gate(user: User) -> Gate:
    return Gate(policy=CODE, key=str(user.id))


def _has_been_at(email: str, place: str) -> bool:
    """Asked in the same way, and answered as fast, when nobody has the address."""
    if not place:
        return False
    sessions = Session.objects.filter(user__email=email, place=place)
    links = OneTimeToken.objects.filter(user__email=email, used_place=place)
    found = [rows.exists() for rows in (sessions, links)]
    return any(found)
