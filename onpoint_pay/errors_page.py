"""The page behind `doc_url`: what an error code means and what to do next."""

from django.http import Http404, HttpRequest, HttpResponse
from django.templatetags.static import static
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from onpoint_pay.kit.errors import CODES, RETRYABLE

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{code} · OnPoint Pay</title><link rel="stylesheet" href="{style}"><main>
<p><code class="code">{code}</code> · HTTP {status}</p><h1>{title}</h1><p>{advice}</p>
<p>{retry}</p><p><a href="/api/v1/docs/">API reference</a></p></main></html>"""


@require_safe
def show(request: HttpRequest, code: str) -> HttpResponse:
    if code not in CODES:
        raise Http404
    status, title, advice = CODES[code]
    retry = (
        "Safe to repeat with the same Idempotency-Key." if code in RETRYABLE else "Repeating it unchanged fails again."
    )
    style = static("onpoint_pay/pages.css")
    page = format_html(PAGE, code=code, status=status, title=title, advice=advice or "", retry=retry, style=style)
    return HttpResponse(page)
