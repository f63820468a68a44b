"""Examples of the OpenAPI document: passwords, two-factor sign-in, proofs and sessions of people."""

from typing import Any

# The letters of mailed tokens are only of the right kind here: no server has made them.
TOKEN = "TOKEN-FROM-THE-MAIL"  # noqa: S105
VERIFY_EXAMPLE: dict[str, Any] = {"token": TOKEN}
FORGOT_EXAMPLE: dict[str, Any] = {"email": "wanjiku@example.com"}
REGISTRATION_EXAMPLE: dict[str, Any] = {
    "object": "registration",
    "detail": "A mail to this address says how to go on. If the address is new here, you can sign in at once.",
}
NEW_EMAIL_EXAMPLE: dict[str, Any] = {"email": "wanjiku.kamau@example.com"}
RESET_EXAMPLE: dict[str, Any] = {"token": TOKEN, "password": "four words nobody guesses"}
CHANGE_EXAMPLE: dict[str, Any] = {
    "old_password": "the words of last year",
    "new_password": "four words nobody guesses",
}
MAIL_EXAMPLE: dict[str, Any] = {
    "object": "mail_request",
    "detail": "If somebody has this address here, a mail is on its way.",
}
CODE_EXAMPLE: dict[str, Any] = {"code": "492039"}
PASSWORD_EXAMPLE: dict[str, Any] = {"password": "four words nobody guesses"}
CHALLENGE = "mfa_0000EXAMPLE0000EXAMPLE0000"
CHALLENGE_EXAMPLE: dict[str, Any] = {
    "two_factor_required": True,
    "challenge": CHALLENGE,
    "methods": ["totp", "recovery"],
    "expires_in": 300,
}
ANSWER_EXAMPLE: dict[str, Any] = {"challenge": CHALLENGE, "code": "492039"}
SECRET = "EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAM"  # noqa: S105
SETUP_EXAMPLE: dict[str, Any] = {
    "object": "two_factor_setup",
    "secret": SECRET,
    "otpauth_url": f"otpauth://totp/OnPoint%20Pay%3Awanjiku%40example.com?secret={SECRET}&issuer=OnPoint%20Pay"
    "&algorithm=SHA1&digits=6&period=30",
    "qr_svg": '<svg xmlns="http://www.w3.org/2000/svg" width="196" height="196">…</svg>',
}
CODES_EXAMPLE: dict[str, Any] = {
    "object": "recovery_codes",
    "recovery_codes": [f"EXAM-PLE{number}-EXAM-PLE{number}" for number in range(10)],
}
PROOF_EXAMPLE: dict[str, Any] = {"object": "step_up", "proved_until": "2026-11-21T08:25:28.004Z"}
SESSION_EXAMPLE: dict[str, Any] = {
    "id": "ses_01KAJ5Z7Q9S1V3X5Z7B9D1FHJM",
    "object": "session",
    "device": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "address": "203.0.113.7",
    "methods": ["pwd", "otp"],
    "current": True,
    "began_at": "2026-11-21T08:02:11.420Z",
    "last_seen_at": "2026-11-21T08:14:52.007Z",
    "proved_until": "2026-11-21T08:12:11.420Z",
    "expires_at": "2026-11-28T08:02:11.000Z",
}
