"""The words of webhooks that are stored: kinds, statuses, states and reasons."""

from django.db import models

from onpoint_pay.kit.caller import MODES

NORMAL, INLINE = "normal", "inline"
ENABLED, PAUSED, DISABLED = "enabled", "paused", "disabled"
OPEN, DELIVERED, FAILED, HELD = "open", "delivered", "failed", "held"
AUTO, MANUAL, RECOVER, TEST = "auto", "manual", "recover", "test"
CLOSED, TRIPPED, HALF = "closed", "open", "half"
RUNNING, DONE, STOPPED = "running", "done", "stopped"
# What a recovery opens again: MISSED is failed and held.
MISSED, ALL = "missed", "all"

KINDS = (NORMAL, INLINE)
STATUSES = (ENABLED, PAUSED, DISABLED)
STATES = (OPEN, DELIVERED, FAILED, HELD)
TRIGGERS = (AUTO, MANUAL, RECOVER, TEST)
BREAKERS = (CLOSED, TRIPPED, HALF)
RECOVERABLE = (MISSED, FAILED, HELD, ALL)
ENDED = (DONE, STOPPED)


def mode_is_known(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(mode__in=MODES), name=name)
