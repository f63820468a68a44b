"""Codes of authenticator apps (RFC 6238) and recovery codes: made, stored, and taken once each.

The arithmetic is django-otp's, the tables are our own: its device keeps the seed in clear and takes a code in two
steps that two processes can both pass, and its static tokens are in clear too. Here the seed is sealed, bound to its
row and person; recovery codes are stored as keyed digests; and one UPDATE decides who has used a code.
"""

import base64
import io
import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode
from uuid import UUID

import segno
from django.db.models import Q
from django_otp.oath import TOTP

from merchants.models import RecoveryCode, Totp, User
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.ids import random_letters

ISSUER = "OnPoint Pay"
DIGITS, STEP_SECONDS = 6, 30
# The code before and the one after are good as well: clocks differ.
TOLERANCE = 1
SEED_BYTES = 20
HOW_MANY_CODES = 10
# Sixteen letters of five bits: nobody finds one from its digest.
CODE_LETTERS, GROUP = 16, 4
# Letters that are read for digits: no code has them.
MISREAD = str.maketrans("ILO", "110")
OTP, RECOVERY = "otp", "recovery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What an authenticator app is given: the seed in base 32, as an address, and that address as a picture (SVG)."""

    secret: str
    otpauth_url: str
    qr_svg: str


def is_waiting(user_id: UUID) -> bool:
    """Whether a seed was given out and not confirmed yet."""
    return Totp.objects.filter(user_id=user_id, confirmed_at=None).exists()


def begin(user: User) -> Setup:
    """A new seed in place of one that was never confirmed. Call it inside a transaction that holds the person's row."""
    return _begin(user, confirmed_at=None)


def begin_confirmed(user: User) -> Setup:
    """A seed that counts at once, handed over by whoever sits at the terminal. Call it as `begin`."""
    return _begin(user, confirmed_at=now())


def _begin(user: User, *, confirmed_at: datetime | None) -> Setup:
    Totp.objects.filter(user=user, confirmed_at=None).delete()
    seed = secrets.token_bytes(SEED_BYTES)
    device = Totp(user=user, confirmed_at=confirmed_at)
    device.seal_seed(seed)
    device.save(force_insert=True)
    return _setup(user, seed)


def _setup(user: User, seed: bytes) -> Setup:
    secret = base64.b32encode(seed).decode()
    facts = {"secret": secret, "issuer": ISSUER, "algorithm": "SHA1", "digits": DIGITS, "period": STEP_SECONDS}
    url = f"otpauth://totp/{quote(f'{ISSUER}:{user.email}')}?{urlencode(facts, quote_via=quote)}"
    picture = io.BytesIO()
    segno.make(url, error="m", micro=False).save(picture, kind="svg", scale=4, xmldecl=False)
    return Setup(secret=secret, otpauth_url=url, qr_svg=picture.getvalue().decode().strip())


def confirm(user: User, code: str) -> bool:
    """Switch the second factor on, with a code of the seed that waits for it."""
    device = Totp.objects.filter(user=user, confirmed_at=None).first()
    return device is not None and _take_step(device, _plain(code), is_confirmed=False)


def take(user: User, code: str) -> str | None:
    """`otp` or `recovery` when the code is the person's and fresh, and used up from now on; None otherwise."""
    plain = _plain(code)
    if len(plain) == DIGITS:
        device = Totp.objects.filter(user=user, confirmed_at__isnull=False).first()
        return OTP if device is not None and _take_step(device, plain, is_confirmed=True) else None
    if len(plain) == CODE_LETTERS:
        codes = RecoveryCode.objects.filter(user=user, digest=_digest(user, plain), used_at=None)
        return RECOVERY if codes.update(used_at=now()) else None
    return None


def _plain(code: str) -> str:
    """As people type it: in groups, in small letters."""
    return "".join(code.split()).replace("-", "").upper()


def _take_step(device: Totp, code: str, *, is_confirmed: bool) -> bool:
    """Of two processes with the same code one changes the row."""
    if not (len(code) == DIGITS and code.isascii() and code.isdigit()):
        return False
    at = now()
    clock = TOTP(device.open_seed(), step=STEP_SECONDS, digits=DIGITS)
    clock.time = at.timestamp()
    if not clock.verify(int(code), tolerance=TOLERANCE, min_t=device.last_step + 1):
        return False
    step = clock.t()
    is_fresh = Q(last_step__lt=step, confirmed_at__isnull=not is_confirmed)
    changes = {"last_step": step} if is_confirmed else {"last_step": step, "confirmed_at": at}
    return bool(Totp.objects.filter(is_fresh, id=device.id).update(**changes))


def new_recovery_codes(user: User) -> list[str]:
    """Ten codes in place of the earlier ones; shown once. Call it inside a transaction that holds the person's row."""
    RecoveryCode.objects.filter(user=user).delete()
    plain = [random_letters(CODE_LETTERS) for _ in range(HOW_MANY_CODES)]
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, digest=_digest(user, each)) for each in plain])
    return ["-".join(each[at : at + GROUP] for at in range(0, CODE_LETTERS, GROUP)) for each in plain]


def codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def drop(user: User) -> None:
    """Switch the second factor off: seed and recovery codes are gone."""
    Totp.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()


def _digest(user: User, plain: str) -> bytes:
    return keyed_digest(f"recovery:{user.id}:{plain.translate(MISREAD)}")
