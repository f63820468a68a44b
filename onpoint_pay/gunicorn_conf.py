"""How gunicorn serves the product, on one machine as in production; WEB_CONCURRENCY and WEB_THREADS size it."""

import os
from pathlib import Path

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "16"))
keepalive = 75
# The most gunicorn takes: searches and cursors make long addresses.
limit_request_line = 8190
timeout = 60
graceful_timeout = 10
# The product writes its own access log, with request ids and masked values.
accesslog = None
control_socket_disable = True
# gunicorn would believe any peer on 127.0.0.1 or a socket file about the scheme. TRUSTED_PROXIES alone says whom we do.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
# The heartbeat file: on a disk that is busy, touching it can take long enough to look like a hang.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def on_starting(server: object) -> None:
    """Refuse an unfit configuration once, in the master: a worker that refuses would be started again for ever."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onpoint_pay.settings")
    from django.conf import settings

    from onpoint_pay.boot import refuse_unfit_configuration

    settings.INSTALLED_APPS  # noqa: B018 - asking for one reads them all
    refuse_unfit_configuration()
