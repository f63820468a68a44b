"""Reports of keys that have leaked, from anybody who holds one: whoever can say it, knows it."""

from django.db import transaction

from merchants.models import ApiKey
from merchants.services.api_keys import end_key
from merchants.services.key_format import is_well_formed
from merchants.services.key_news import note_key
from merchants.services.owner_mail import shown_key, tell_owners
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest

NOBODY = "anonymous"


def report_leak(text: str) -> None:
    """Revoke the key when money is behind it (live, not publishable), flag any other, and tell the owners; once.

    Says nothing of whether there is such a key.
    """
    if not is_well_formed(text):
        return
    with transaction.atomic():
        key = ApiKey.objects.select_for_update().filter(digest=keyed_digest(text)).first()
        if key is None or key.reported_at is not None:
            return
        key.reported_at = now()
        key.save(update_fields=["reported_at"])
        is_ended = key.mode == LIVE and key.kind != ApiKey.Kind.PUBLISHABLE and key.revoked_at is None
        note_key(key, actor=NOBODY, action="api_key.reported", revoked=is_ended)
        if is_ended:
            end_key(key, actor=NOBODY)
        tell_owners(key.merchant_id, "key_leaked_ended" if is_ended else "key_leaked", key=shown_key(key))
