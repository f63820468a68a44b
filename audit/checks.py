"""What `manage.py check --deploy` says of the audit trail."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from audit.statement import CheckpointInvalid, private_key


def signing_key_is_set(**_: Any) -> list[CheckMessage]:
    """Payments are taken without one; whoever owns the tables can then rewrite the trail unseen."""
    if not settings.AUDIT_SIGNING_KEY:
        hint = "Set AUDIT_SIGNING_KEY to the output of openssl rand -base64 32, and keep it away from the database."
        return [Warning("No checkpoints of the audit trail are signed.", hint=hint, id="audit.W001")]
    try:
        private_key(settings.AUDIT_SIGNING_KEY)
    except CheckpointInvalid as error:
        return [Error(str(error), id="audit.E001")]
    return []
