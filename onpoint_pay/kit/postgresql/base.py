"""A connection that asks for the time where Django asks only whether the connection still works."""

import time
from contextlib import suppress
from datetime import datetime

from django.db import connection
from django.db.backends.postgresql import base

from onpoint_pay.kit import clock


class DatabaseWrapper(base.DatabaseWrapper):
    """Tells the clock when it is opened, and at each health check: once a request, once a job."""

    def init_connection_state(self) -> None:
        super().init_connection_state()
        clock.hear(*self._ask_time())
        if not self.get_autocommit():
            self.connection.commit()

    def is_usable(self) -> bool:
        if self.connection is None:
            return False
        try:
            clock.hear(*self._ask_time())
        except self.Database.Error:
            return False
        return True

    def _ask_time(self) -> tuple[datetime, float]:
        """What the database's clock said, and the seconds until we knew."""
        asked = time.monotonic()
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            said: datetime = cursor.fetchone()[0]
        return said, time.monotonic() - asked


def _open_connection() -> None:
    """Opening one tells the time. Where there is no database, or none may be asked, the host's own clock must do."""
    with suppress(Exception):
        connection.ensure_connection()


clock.ask_first(_open_connection)
