"""M-Pesa's place in the benchmark: answers tokens and prompts at once, in a process of its own that is not counted.

The simulator keeps a book and does far more than that; here only the product is to be measured.
"""

import selectors
import socket
import sys
import time
from itertools import count

from bench.wire import whole_message

TOKEN = b'{"access_token":"bench-access-token-0000000","expires_in":"3599"}'
PUSHED = (
    '{"MerchantRequestID":"29115-34620561-%d","CheckoutRequestID":"ws_CO_%08d%09d712345678","ResponseCode":"0",'
    '"ResponseDescription":"Success. Request accepted for processing",'
    '"CustomerMessage":"Success. Request accepted for processing"}'
)
RECEIVE_BYTES = 65_536


def answer_to(head: bytes, n: int, *, run: int) -> bytes:
    """A token for every GET, an accepted prompt with an id of its own for every POST."""
    return TOKEN if head.startswith(b"GET ") else (PUSHED % (n, run, n)).encode()


def serve(listener: socket.socket) -> None:
    """Answer for ever on kept connections, one thread for all."""
    numbers, run = count(1), int(time.time()) % 100_000_000
    waiting: dict[socket.socket, bytes] = {}
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection = listener.accept()[0]
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ)
                waiting[connection] = b""
                continue
            connection = key.fileobj  # type: ignore[assignment]
            part = _receive(connection)
            if not part:
                selector.unregister(connection)
                waiting.pop(connection)
                connection.close()
                continue
            waiting[connection] += part
            request = whole_message(waiting[connection])
            if request is not None:
                waiting[connection] = b""
                body = answer_to(request.head, next(numbers), run=run)
                connection.sendall(_head(len(body)) + body)


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(RECEIVE_BYTES)
    except OSError:
        return b""


def _head(length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % length


def main() -> None:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
    serve(listener)


if __name__ == "__main__":
    main()
