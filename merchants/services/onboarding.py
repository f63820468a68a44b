"""A new merchant: its first person, its owner's place, and the secrets its webhooks are signed with."""

from typing import NotRequired, TypedDict, Unpack

from django.db import IntegrityError, transaction

from audit.services import record
from merchants.models import Membership, Merchant, Role, User
from merchants.services.passwords import set_password
from merchants.services.people_mail import may_mail, tell
from merchants.services.people_texts import EMAIL_WANTED, VERIFY_EMAIL
from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import broke
from onpoint_pay.kit.errors import Problem
from webhooks.services.endpoints import ensure_default_secret

OF_THE_PERSON = ("email", "first_name", "last_name", "phone")
OF_THE_BUSINESS = (
    "business_name",
    "email",
    "phone",
    "registration_number",
    "kra_pin",
    "address",
    "business_type",
    "website",
)


class Registration(TypedDict):
    """What somebody says of themselves and their business; `phone` in canonical digits, `email` in lower case."""

    business_name: str
    email: str
    password: str
    first_name: str
    last_name: str
    phone: str
    registration_number: NotRequired[str]
    kra_pin: NotRequired[str]
    address: NotRequired[str]
    business_type: NotRequired[str]
    website: NotRequired[str]


def ask_account(**registration: Unpack[Registration]) -> None:
    """Register, and tell nobody but the mailbox whether the address was free: whoever has it hears that it was given.

    Raises Invalid for a weak password.
    """
    try:
        register_merchant(**registration)
    except Problem as problem:
        if problem.code != "email_taken":
            raise
        with transaction.atomic():
            if may_mail(EMAIL_WANTED, to=registration["email"]):
                tell(EMAIL_WANTED, to=registration["email"])


def register_merchant(*, is_verified: bool = False, **registration: Unpack[Registration]) -> tuple[User, Merchant]:
    """A person and their new merchant, with everything it needs to take test payments.

    A link to verify the address is mailed, unless `is_verified` says that it is known to be theirs. Raises Invalid for
    a weak password and Problem email_taken.
    """
    user = User(**{name: registration[name] for name in OF_THE_PERSON})  # type: ignore[literal-required]
    user.email_verified_at = now() if is_verified else None
    set_password(user, registration["password"])
    merchant = Merchant(**{name: registration.get(name, "") for name in OF_THE_BUSINESS})
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            merchant.save(force_insert=True)
            Membership.objects.create(user=user, merchant=merchant, role=Role.OWNER)
            for mode in MODES:
                ensure_default_secret(merchant_id=merchant.id, mode=mode)
            _tell(user, merchant)
            if not is_verified:
                tell(VERIFY_EMAIL, to=user.email)
    except IntegrityError as error:
        if not broke(error, "user_email_once"):
            raise
        raise Problem("email_taken", param="email") from None
    return user, merchant


def _tell(user: User, merchant: Merchant) -> None:
    record(
        merchant_id=merchant.id,
        actor=user.public_id,
        action="merchant.registered",
        object_id=merchant.public_id,
    )
