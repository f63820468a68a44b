"""Where a page in a browser comes from, in one spelling."""

from urllib.parse import urlsplit

PORTS = {"https": 443, "http": 80}
OWN_MACHINE = ("localhost", "127.0.0.1", "[::1]")


def plain_origin(text: str) -> str | None:
    """`https://shop.example` or `https://shop.example:8443` as browsers send it; None for anything else.

    Plain http is for one's own machine alone: elsewhere anybody on the way could speak as the page.
    """
    try:
        parts = urlsplit(text.lower())
        host, port = parts.hostname or "", parts.port
        host = host.encode("idna").decode() if not host.isascii() else host
    except (ValueError, UnicodeError):
        return None
    shown = f"[{host}]" if ":" in host else host
    if parts.scheme not in PORTS or not _is_host(host) or _says_more(text.lower(), parts.netloc):
        return None
    if parts.scheme == "http" and shown not in OWN_MACHINE:
        return None
    return f"{parts.scheme}://{shown}" + ("" if port in (None, PORTS[parts.scheme]) else f":{port}")


def _is_host(host: str) -> bool:
    return bool(host) and all(letter.isalnum() or letter in ".-:" for letter in host)


def _says_more(text: str, place: str) -> bool:
    """A path, a query or a user name: an origin has none of them."""
    return text.partition("://")[2] != place or "@" in place
