"""The pages where mailed links land: each hands the token behind the `#` to the API, when its reader says so."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What the reader types. `autocomplete` is for the browser's own keeper of passwords."""

    name: str
    label: str
    autocomplete: str
    kind: str = "text"
    needed: bool = False
    shortest: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One page: where the token goes, what is typed besides, and the words around it."""

    title: str
    words: str
    button: str
    sends_to: str
    done: str
    fields: tuple[Field, ...] = ()


NEW_PASSWORD = Field(
    name="password",
    label="New password, 12 characters or more",
    autocomplete="new-password",
    kind="password",
    needed=True,
    shortest=12,
)
DEEDS = {
    "verify-email": Deed(
        title="Verify your e-mail address",
        words="An account was registered with your address. If that was you, say so here.",
        button="This is my address",
        sends_to="/api/v1/auth/verify-email/",
        done="Your address is verified.",
    ),
    "password/reset": Deed(
        title="Set a new password",
        words="All your sessions end by this; then sign in with the new password.",
        button="Set it",
        sends_to="/api/v1/auth/password/reset/",
        done="Your new password is set.",
        fields=(NEW_PASSWORD,),
    ),
    "email/confirm": Deed(
        title="Confirm your new e-mail address",
        words="You sign in with this address from then on.",
        button="Use this address",
        sends_to="/api/v1/auth/email/confirm/",
        done="Your account has this address now.",
    ),
    "invitation": Deed(
        title="Join a team",
        words="If you have an account with this address, leave the fields empty: you keep your name and password.",
        button="Accept the invitation",
        sends_to="/api/v1/auth/invitations/accept/",
        done="You are a member of the team. Sign in to begin.",
        fields=(
            Field(name="first_name", label="First name", autocomplete="given-name"),
            Field(name="last_name", label="Last name", autocomplete="family-name"),
            Field(
                name="password",
                label="Password, 12 characters or more",
                autocomplete="new-password",
                kind="password",
                shortest=12,
            ),
        ),
    ),
}


@require_safe
def show(request: HttpRequest, deed: str) -> HttpResponse:
    """The same for everybody: the token never reaches this server but by the form."""
    if deed not in DEEDS:
        raise Http404
    return render(request, "onpoint_pay/mailed_link.html", {"deed": DEEDS[deed]})
