"""A way to PostgreSQL that loses the answer to one statement: the server has done it, and the client cannot know."""

import contextlib
import socket
import threading
from typing import Self

READY_FOR_QUERY = b"Z\x00\x00\x00\x05"


class CuttingProxy:
    """Passes everything on, until a client sends `marker`: it goes through, its answer does not, and the line is cut."""

    def __init__(self, *, host: str, port: int, marker: bytes) -> None:
        self._behind = (host, port)
        self._marker = marker
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.is_cut = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._behind) as server, contextlib.suppress(OSError):
            is_lost = threading.Event()
            back = threading.Thread(target=self._answer, args=(server, client, is_lost), daemon=True)
            back.start()
            while data := client.recv(65_536):
                if self._marker in data and not self.is_cut:
                    self.is_cut = True
                    is_lost.set()
                server.sendall(data)

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket, is_lost: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                if not is_lost.is_set():
                    client.sendall(data)
                elif READY_FOR_QUERY in data:
                    break
            for side in (client, server):
                side.shutdown(socket.SHUT_RDWR)
