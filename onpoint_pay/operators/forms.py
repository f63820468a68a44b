"""What operators type at the door."""

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

LONGEST = 254


class PasswordForm(forms.Form):
    """The first step."""

    email = forms.EmailField(
        max_length=LONGEST, widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "username"})
    )
    password = forms.CharField(
        max_length=LONGEST,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(forms.Form):
    """The second step, and the proof before a deed."""

    code = forms.CharField(
        max_length=32,
        help_text="Of your authenticator app, or a recovery code.",
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "one-time-code"}),
    )


class ChallengeForm(CodeForm):
    """The second step names the first."""

    challenge = forms.CharField(max_length=64, widget=forms.HiddenInput())
