"""Carries callbacks to their receivers: once each, in bounded numbers, with the result noted in the book."""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus

import httpx

from simulator.book import Book
from simulator.identifiers import Clock

TIMEOUT_SECONDS = 5.0
MAX_UNDER_WAY = 64


class Courier:
    """Daraja: a receiver that is down, slow or redirecting has missed the callback; it is not sent again.

    Each slot has a client with a single connection, because one pool shared by many requests walks all its
    connections for every request. The slot used last goes out first, so that few connections stay in use.
    """

    def __init__(self, book: Book, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._under_way: set[int] = set()
        tls = ssl.create_default_context()
        self._clients = [_one_connection(tls) for _ in range(MAX_UNDER_WAY)]
        self._idle: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in self._clients:
            self._idle.put_nowait(client)
        # Apart from the slots: receivers that keep a question waiting must not hold up the callbacks.
        self._asking = httpx.AsyncClient(verify=tls, follow_redirects=False, trust_env=False, limits=httpx.Limits())

    async def deliver(self, number: int) -> None:
        """Sends one callback unless it is gone, sent, or already on its way."""
        if number in self._under_way:
            return
        self._under_way.add(number)
        client = await self._idle.get()
        try:
            await self._deliver(number, client)
        finally:
            self._idle.put_nowait(client)
            self._under_way.discard(number)

    async def ask(self, url: str, *, body: str, seconds: float) -> bytes | None:
        """Posts a question and gives the body of a 200 answer; None for any other, or none within `seconds`."""
        status, said, _ = await _post(self._asking, url, body=body, seconds=seconds)
        return said if status == HTTPStatus.OK else None

    async def close(self) -> None:
        for client in (*self._clients, self._asking):
            await client.aclose()

    async def _deliver(self, number: int, client: httpx.AsyncClient) -> None:
        callback = self._book.callback(number)
        if callback is None or callback.sent_at is not None:
            return
        http_status, _, error = await _post(client, callback.url, body=callback.body, seconds=TIMEOUT_SECONDS)
        self._book.finish_callback(number, at=self._clock.now(), http_status=http_status, error=error)


def _one_connection(tls: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=tls,
        timeout=TIMEOUT_SECONDS,
        follow_redirects=False,
        trust_env=False,
        limits=httpx.Limits(max_connections=1),
    )


async def _post(
    client: httpx.AsyncClient, url: str, *, body: str | bytes, seconds: float
) -> tuple[int | None, bytes, str | None]:
    """The status and body that came back, or None and the name of what went wrong."""
    try:
        # httpx counts its timeout per read, and a receiver may drip; this one bounds the whole visit.
        async with asyncio.timeout(seconds):
            headers = {"Content-Type": "application/json"}
            response = await client.post(url, content=body, headers=headers, timeout=seconds)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
        return None, b"", type(error).__name__
    return response.status_code, response.content, None
