"""Checks of Django and of libraries that we answer for ourselves, each with the reason."""

SILENCED_SYSTEM_CHECKS = [
    # onpoint_pay.operators.middleware applies these, to the operators' pages only.
    "admin.E408",
    "admin.E409",
    "admin.E410",
    "security.W003",
    # Our counters are in a Redis cache of our own making, which the library does not know for one.
    "django_ratelimit.E003",
    "django_ratelimit.W001",
    # onpoint_pay.response_headers sends X-Frame-Options.
    "security.W002",
    # Other host names of the domain are their owners' to decide about.
    "security.W005",
    "security.W021",
    # A redirect would leak the key that came in the clear: live mode answers https_required instead.
    "security.W008",
]
