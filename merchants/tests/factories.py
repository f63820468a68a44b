"""Rows for tests: people, merchants and keys, with headers to call the API as them."""

from datetime import timedelta
from functools import lru_cache
from itertools import count
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django_otp.oath import hotp

from merchants.models import Membership, Merchant, MerchantLimits, Role, Session, Totp, User
from merchants.selectors.records import forget_merchant
from merchants.services.api_keys import create_api_key
from merchants.services.sessions import OpenSession, open_session
from onpoint_pay.kit.caller import TEST
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public

PASSWORD = "correct horse battery staple"
_numbers = count(1)


@lru_cache(maxsize=4)
def _hash(hasher: str) -> str:
    """Hashing is slow on purpose: once with each of the hashers is enough for all people of a run."""
    return make_password(PASSWORD)


def make_user(email: str | None = None, **fields: Any) -> User:
    """A person with PASSWORD and a verified address, who belongs to no merchant yet."""
    fields = {
        "first_name": "Wanjiku",
        "last_name": "Kamau",
        "password": _hash(settings.PASSWORD_HASHERS[0]),
        "email_verified_at": now(),
    } | fields
    return User.objects.create(email=email or f"person{next(_numbers)}@example.com", **fields)


def make_merchant(name: str = "Duka Bora", *, live_enabled: bool = False, **fields: Any) -> Merchant:
    """A business; one that is let into live mode is verified unless the test says otherwise."""
    fields = (
        {"email": f"shop{next(_numbers)}@example.com"} | ({"kyc_status": "verified"} if live_enabled else {}) | fields
    )
    return Merchant.objects.create(business_name=name, live_enabled=live_enabled, **fields)


def make_limits(merchant: Merchant, *, mode: str = TEST, **fields: Any) -> MerchantLimits:
    """Limits of one mode, in force from the next request on."""
    row = MerchantLimits.objects.create(merchant=merchant, mode=mode, changed_by="tests", changed_at=now(), **fields)
    forget_merchant(merchant.id)
    return row


def make_member(merchant: Merchant, role: str = Role.OWNER, user: User | None = None) -> User:
    """A person with a role at the merchant."""
    user = user or make_user()
    Membership.objects.create(user=user, merchant=merchant, role=role)
    return user


def make_api_key(merchant: Merchant, mode: str = TEST, scopes: list[str] | None = None, **fields: Any) -> str:
    """The clear text of a new key; all usual scopes when none are named."""
    fields = {"name": "tests", "created_by": "tests"} | fields
    return create_api_key(merchant_id=merchant.id, mode=mode, scopes=scopes, **fields)[1]


SEED = b"twenty bytes of seed"


def make_two_factor(user: User, seed: bytes = SEED) -> bytes:
    """Switch two-factor sign-in on for the person, without recovery codes; `code_of` gives codes of the seed."""
    device = Totp(user=user, confirmed_at=now())
    device.seal_seed(seed)
    device.save()
    return seed


def code_of(seed: bytes = SEED, *, steps: int = 0) -> str:
    """What the app shows now, or so many steps of 30 seconds later."""
    return f"{hotp(seed, int(now().timestamp()) // 30 + steps):06d}"


def proven_session(user: User) -> str:
    """A session whose person has just proved who they are, for callers made by hand."""
    return Session.objects.create(user=user, methods=["pwd"], expires_at=now() + timedelta(days=7)).public_id


def sign_in(user: User) -> OpenSession:
    return open_session(user)


def key_headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def person_headers(user: User, *, mode: str = TEST, merchant: Merchant | None = None) -> dict[str, str]:
    """Headers of a new session of the person, at their first merchant unless another is named."""
    headers = {"Authorization": f"Bearer {sign_in(user).tokens.access}", "OnPoint-Mode": mode}
    return headers | ({"OnPoint-Merchant": to_public("mer", merchant.id)} if merchant else {})
