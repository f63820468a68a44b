"""What a person proves who they are with, and what they are told by mail: sessions, second factors, links, letters."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from merchants.models.merchants import User, one_of
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import seal, unseal
from onpoint_pay.kit.db import KeyedModel
from onpoint_pay.kit.ids import to_public


class Session(KeyedModel):
    """One sign-in at one device. `proved_at` is when the person last gave a password or a code in it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions", db_index=False)
    # How it was opened, as in the tokens: `pwd`, and `otp` or `recovery` with a second factor.
    methods = ArrayField(models.CharField(max_length=16))
    device = models.CharField(max_length=200, blank=True, default="")
    address = models.CharField(max_length=45, blank=True, default="")
    # The address, or the network an IPv6 address lies in: who signed in from there is no stranger.
    place = models.CharField(max_length=49, blank=True, default="")
    began_at = models.DateTimeField(default=now)
    proved_at = models.DateTimeField(default=now)
    last_seen_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "merchants_session"
        indexes = [
            models.Index(fields=["user", "-id"], name="session_list"),
            models.Index(fields=["user", "place"], name="session_place"),
            models.Index(fields=["expires_at"], name="session_age"),
        ]

    @property
    def public_id(self) -> str:
        return to_public("ses", self.id)


class OneTimeToken(KeyedModel):
    """A link that was mailed: good once, until `expires_at`, for the address it was mailed to. Stored as a digest."""

    class Purpose(models.TextChoices):
        VERIFY_EMAIL = "verify_email"
        RESET_PASSWORD = "reset_password"  # noqa: S105 - what a link is for
        CHANGE_EMAIL = "change_email"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    digest = models.BinaryField(unique=True)
    email_digest = models.BinaryField()
    # Of CHANGE_EMAIL: the address it was mailed to, which the person is about to have.
    new_email = models.EmailField(max_length=254, blank=True, default="")
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    # Where it was used: whoever reads the mailbox there is no stranger there either.
    used_place = models.CharField(max_length=49, blank=True, default="")

    class Meta:
        db_table = "merchants_one_time_token"
        indexes = [models.Index(fields=["expires_at"], name="one_time_token_age")]
        constraints = [one_of("purpose", ["verify_email", "reset_password", "change_email"], "one_time_token_purpose")]


class Totp(KeyedModel):
    """A person's authenticator app. The second factor is on once `confirmed_at` is set.

    `last_step` is the newest step of 30 seconds whose code was taken: none works twice.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="totp")
    sealed_seed = models.TextField()
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "merchants_totp"

    def seal_seed(self, seed: bytes) -> None:
        self.sealed_seed = seal(seed.hex(), bound_to=self._place)

    def open_seed(self) -> bytes:
        """Raises CannotOpen for a text of another row or an unknown key."""
        return bytes.fromhex(unseal(self.sealed_seed, bound_to=self._place))

    @property
    def _place(self) -> str:
        return f"merchants_totp.sealed_seed:{self.id}:{self.user_id}"


class RecoveryCode(models.Model):
    """One code for the day the phone is lost: its keyed digest, and when it was used."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.BinaryField(unique=True)
    created_at = models.DateTimeField(default=now)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "merchants_recovery_code"


class Challenge(KeyedModel):
    """A sign-in whose password was right and whose code is missing. Stored as a digest; `tries` counts codes."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    digest = models.BinaryField(unique=True)
    tries = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "merchants_challenge"
        indexes = [models.Index(fields=["expires_at"], name="challenge_age")]
        constraints = [models.CheckConstraint(condition=Q(tries__range=(0, 5)), name="challenge_tries")]


class PersonMail(KeyedModel):
    """A letter to a person: written with the change it tells of, sent after. Emptied once it is closed.

    `to_digest` is the keyed digest of the address, to count by; the address itself is sealed.
    """

    kind = models.CharField(max_length=32)
    to_digest = models.BinaryField()
    sealed = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)
    tries = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(default=now)
    sent_at = models.DateTimeField(null=True, blank=True)
    # Sent, or not to be sent any more: nobody has the address, or the news is old.
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "merchants_person_mail"
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(closed_at__isnull=True), name="person_mail_due"),
            models.Index(fields=["to_digest", "kind", "created_at"], name="person_mail_count"),
            models.Index(fields=["closed_at"], name="person_mail_age"),
        ]

    def seal_content(self, text: str) -> None:
        self.sealed = seal(text, bound_to=self._place)

    def open_content(self) -> str:
        """Raises CannotOpen for a text of another row or an unknown key."""
        return unseal(self.sealed, bound_to=self._place)

    @property
    def _place(self) -> str:
        return f"merchants_person_mail.sealed:{self.id}"
