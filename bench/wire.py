"""HTTP/1.1 messages as the load and the provider's stand-in see them: where one ends, and its first line."""

from dataclasses import dataclass

HEAD_END = b"\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
LENGTH = b"content-length:"
CHUNKED = b"transfer-encoding: chunked"


@dataclass(slots=True)
class Message:
    """One whole request or answer: the bytes up to the blank line, and those after it."""

    head: bytes
    body: bytes


def whole_message(received: bytes) -> Message | None:
    """The message once all of it is here. Nobody here sends a second one before the first is answered."""
    head, end, body = received.partition(HEAD_END)
    if not end:
        return None
    lower = head.lower()
    place = lower.find(LENGTH)
    if place >= 0:
        length = int(lower[place + len(LENGTH) :].split(b"\r\n", 1)[0])
        return Message(head, body) if len(body) >= length else None
    if CHUNKED in lower:
        return Message(head, body) if body.endswith(LAST_CHUNK) else None
    return Message(head, body)


def status_of(answer: Message) -> int:
    return int(answer.head[9:12])
