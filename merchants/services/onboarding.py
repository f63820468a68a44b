"""A new merchant: its first person, its owner's place, and the secrets its webhooks are signed with."""

from typing import NotRequired, TypedDict, Unpack

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from audit.services import record
from merchants.models import Membership, Merchant, Role, User
from merchants.services.sessions import OpenSession, open_session
from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import broke
from onpoint_pay.kit.errors import Fault, Invalid, Problem
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


def sign_up(**registration: Unpack[Registration]) -> OpenSession:
    """Register and sign in at once. Raises what `register_merchant` raises."""
    user, _ = register_merchant(**registration)
    return open_session(user)


def register_merchant(**registration: Unpack[Registration]) -> tuple[User, Merchant]:
    """A person and their new merchant, with everything it needs to take test payments.

    Raises Invalid for a weak password and Problem email_taken.
    """
    user = User(**{name: registration[name] for name in OF_THE_PERSON})  # type: ignore[literal-required]
    _set_password(user, registration["password"])
    merchant = Merchant(**{name: registration.get(name, "") for name in OF_THE_BUSINESS})
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            merchant.save(force_insert=True)
            Membership.objects.create(user=user, merchant=merchant, role=Role.OWNER)
            for mode in MODES:
                ensure_default_secret(merchant_id=merchant.id, mode=mode)
            _tell(user, merchant)
    except IntegrityError as error:
        if not broke(error, "user_email_once"):
            raise
        raise Problem("email_taken", param="email") from None
    return user, merchant


def _set_password(user: User, password: str) -> None:
    """Slow on purpose, so it is done before the transaction. Raises Invalid with every weakness found."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        faults = [Fault(param="password", code="parameter_invalid", detail=text) for text in error.messages]
        raise Invalid(faults) from None
    user.set_password(password)


def _tell(user: User, merchant: Merchant) -> None:
    record(
        merchant_id=merchant.id,
        actor=user.public_id,
        action="merchant.registered",
        object_id=merchant.public_id,
    )
