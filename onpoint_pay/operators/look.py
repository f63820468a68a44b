"""How pages are drawn, and how the operators' look: plain values only, for settings.py to read."""

from typing import Any

# What the operators' pages need to know of a request; the other pages ask for none of it.
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "OnPoint Pay operators",
    "SITE_HEADER": "OnPoint Pay",
    "SITE_SUBHEADER": "Operators",
    "SITE_URL": None,
    "SITE_SYMBOL": "payments",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SIDEBAR": {"show_search": False, "command_search": False, "show_all_applications": False},
    "ACCOUNT": {"navigation": [{"title": "Give a fresh code", "link": "/operators/prove/"}]},
}
