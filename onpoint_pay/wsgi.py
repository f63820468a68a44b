"""Entry point of the web server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onpoint_pay.settings")
application = get_wsgi_application()

from onpoint_pay.boot import refuse_unfit_configuration  # noqa: E402

refuse_unfit_configuration()
