"""The words of mails to people. None holds what somebody typed about themselves: strangers could write through it."""

from collections.abc import Mapping

VERIFY_EMAIL, RESET_PASSWORD = "verify_email", "reset_password"  # noqa: S105 - kinds of mail
CHANGE_EMAIL, EMAIL_WANTED = "change_email", "email_wanted"
TEAM_CHANGED = "team_changed"
# Not to be mailed when the news is older, in hours; the links of the first two would have ended.
USEFUL_HOURS = {VERIFY_EMAIL: 24, RESET_PASSWORD: 1, CHANGE_EMAIL: 24}
OTHERWISE_HOURS = 72

NOT_YOURS = "If nobody of your business did this, sign in, set a new password and look through the audit trail."
NOT_YOU = "If this was not you, set a new password at once: it ends every session."
# kind: subject, then paragraphs; `{at}` is the time in Nairobi, `{address}` where it was done.
TEXTS: dict[str, tuple[str, ...]] = {
    VERIFY_EMAIL: (
        "Verify your e-mail address",
        "An account was registered with this address. To show that the address is yours, within 24 hours:",
        "{link}",
        "If you have not registered, leave this mail alone: without it the account cannot touch live money.",
    ),
    RESET_PASSWORD: (
        "Set a new password",
        "A new password was asked for at {at}, from {address}. To set one, within an hour:",
        "{link}",
        "If you did not ask, leave this mail alone: your password stays as it is.",
    ),
    "password_changed": (
        "Your password was changed",
        "Your password was changed at {at}, from {address}. Other sessions were ended.",
        NOT_YOU,
    ),
    "password_was_reset": (
        "A new password was set",
        "A new password was set by a mailed link at {at}, from {address}. All sessions were ended.",
        NOT_YOU,
    ),
    "sign_in_locked": (
        "Sign-in to your account is slowed down",
        "There were too many failed sign-ins to your account, the last at {at} from {address}. Further tries must "
        "wait, at most 15 minutes each time.",
        "Nobody has signed in by this. If you cannot wait, set a new password: that opens the way for the address you "
        "do it from.",
    ),
    "codes_locked": (
        "Somebody gives wrong codes for your account",
        "There were too many wrong two-factor codes for your account, the last at {at} from {address}. Further tries "
        "must wait, at most 15 minutes each time.",
        "Whoever tried may know your password. If it was not you, set a new one at once.",
    ),
    "signed_in": (
        "A new sign-in to your account",
        "Somebody signed in to your account at {at}, from {address}, with a device or from a network we have not seen "
        "you at lately. The device calls itself: {device}.",
        "If this was you, there is nothing to do. " + NOT_YOU,
    ),
    "email_changed": (
        "Your e-mail address was changed",
        "The address of your account was changed at {at}, from {address}. You sign in with the new one; this is the "
        "last mail to the old one.",
        "If this was not you, tell the operator of this service at once.",
    ),
    "email_change_asked": (
        "Another e-mail address was asked for",
        "At {at}, from {address}, another address was asked for your account. Nothing changes until it is confirmed "
        "there.",
        "If this was not you, set a new password at once: it ends every session, and the change.",
    ),
    CHANGE_EMAIL: (
        "Confirm your new e-mail address",
        "An account is to be used with this address from now on. To confirm it, within 24 hours:",
        "{link}",
        "If you have not asked for it, leave this mail alone: nothing changes.",
    ),
    EMAIL_WANTED: (
        "Somebody gave your e-mail address",
        "At {at}, from {address}, somebody gave this address for an account. You have one with it already, and nothing "
        "has changed.",
        "If it was you: sign in as you are used to, or have a new password mailed to you. If not, leave this mail "
        "alone.",
    ),
    "session_copied": (
        "A session of yours was ended",
        "At {at}, from {address}, somebody used a token of your session that had been replaced already. That happens "
        "when tokens were copied, so the whole session was ended.",
        "Sign in again. If this happens once more, set a new password and look through your devices.",
    ),
    "two_factor_on": (
        "Two-factor sign-in is on",
        "Two-factor sign-in was switched on at {at}, from {address}. Keep the recovery codes where your phone is not.",
        NOT_YOU,
    ),
    "two_factor_off": (
        "Two-factor sign-in is off",
        "Two-factor sign-in was switched off at {at}, from {address}. The password alone opens your account now.",
        NOT_YOU,
    ),
    "recovery_codes_renewed": (
        "You have new recovery codes",
        "New recovery codes were made at {at}, from {address}; the earlier ones work no more.",
        NOT_YOU,
    ),
    TEAM_CHANGED: (
        "The team of your business has changed",
        "{what} at {at}, from {address}. Which one: {object}.",
        "You are told because you own the business. Who did it stands in its audit trail.",
    ),
    "recovery_code_used": (
        "A recovery code was used",
        "A recovery code was used at {at}, from {address}. {left} are left.",
        NOT_YOU,
    ),
    "key_addresses_changed": (
        "Where an API key may be used from was changed",
        "The addresses of the key {key} were changed at {at}, from {address}: it may now be used from {count}.",
        NOT_YOURS,
    ),
    "merchant_addresses_changed": (
        "Where your API keys may be used from was changed",
        "The addresses of your business were changed at {at}, from {address}: keys may now be used from {count}.",
        NOT_YOURS,
    ),
    "key_address_refused": (
        "An API key was used from an address that is not allowed",
        "The key {key} was used at {at} from {address}, which is not on its list or not on that of your business. The "
        "call was refused. You are told at most once an hour.",
        "If the address is none of yours, the key is known to somebody else: rotate it.",
    ),
    "key_leaked_ended": (
        "An API key of yours was found and has been revoked",
        "At {at} somebody reported the key {key} as leaked and had the whole of it. It was revoked at once: what "
        "uses it has stopped working.",
        "Create a new key, find out how this one got out, and look in the request log for calls that are not yours.",
    ),
    "key_leaked": (
        "An API key of yours was found",
        "At {at} somebody reported the key {key} as leaked and had the whole of it. No live money is behind it, so it "
        "still works.",
        "Rotate or revoke it if it was not meant to be known.",
    ),
}


def words_of(kind: str, facts: Mapping[str, str]) -> tuple[str, str]:
    """Subject and body."""
    subject, *paragraphs = TEXTS[kind]
    return f"OnPoint Pay: {subject}", "\n\n".join(each.format_map(facts) for each in paragraphs)
