"""The page behind `doc_url`: what an error code means and what to do next."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from onpoint_pay.kit.errors import CODES, RETRYABLE

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{code} · OnPoint Pay</title>
<body style="font:17px/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem;color:#1c2733">
<p><code style="font-size:1.3rem">{code}</code> · HTTP {status}</p><h1>{title}</h1><p>{advice}</p>
<p>{retry}</p><p><a href="/api/v1/docs/">API reference</a></p></body></html>"""


@require_safe
def show(request: HttpRequest, code: str) -> HttpResponse:
    if code not in CODES:
        raise Http404
    status, title, advice = CODES[code]
    retry = (
        "Safe to repeat with the same Idempotency-Key." if code in RETRYABLE else "Repeating it unchanged fails again."
    )
    return HttpResponse(format_html(PAGE, code=code, status=status, title=title, advice=advice or "", retry=retry))
