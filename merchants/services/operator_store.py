"""Where operators' sessions lie: in the database, under a keyed digest, so that a stolen table opens nothing."""

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest

LETTERS = 40


class SessionStore(DatabaseStore):
    """Django's own, but that the key in the cookie stands nowhere in the table."""

    def _get_session_from_db(self) -> Session | None:
        found = Session.objects.filter(session_key=_name_of(self.session_key), expire_date__gt=now()).first()
        if found is None:
            # Nobody may choose a key for a session that is to come.
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_key=_name_of(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Any = super().create_model_instance(data)
        key = _name_of(row.session_key)
        return Session(session_key=key, session_data=row.session_data, expire_date=row.expire_date)

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(session_key=_name_of(key)).delete()


def _name_of(session_key: str | None) -> str:
    return keyed_digest(f"operator_session:{session_key}").hex()[:LETTERS]
