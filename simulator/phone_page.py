"""The payer's phone as a small web page; its files lie in `pages/`, its data comes from the control API."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

PAGES = Path(__file__).parent / "pages"
_HEADERS = {"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'", "Cache-Control": "no-cache"}


async def phone(_request: Request) -> Response:
    return FileResponse(PAGES / "phone.html", headers=_HEADERS)


routes: list[BaseRoute] = [
    Route("/", phone, methods=["GET"]),
    Route("/phone", phone, methods=["GET"]),
    Mount("/pages", StaticFiles(directory=PAGES)),
]
