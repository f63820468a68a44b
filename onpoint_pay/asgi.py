"""Entry point for servers that speak ASGI; the product itself is synchronous and runs best under WSGI."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onpoint_pay.settings")
application = get_asgi_application()
