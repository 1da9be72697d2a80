"""Three addresses over HTTP, from a thread of their own: where the event loop stands still, they answer and say so.

The standard library's server: one small answer every few seconds needs no framework, and aiohttp would be in the very
loop that it is to judge. Nothing here changes anything, and nothing is read but the first line of a request.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

_CLIENT_S: Final = 5.0  # a client that says nothing for so long is let go
_AT_ONCE: Final = 16  # more are turned away: probes are few, and each has a thread


class Answer(NamedTuple):
    """What is answered: an HTTP status, a content type, a body."""

    status: int
    content_type: str
    body: bytes


class HealthServer:
    """Serves ``routes`` (path to what answers it) on ``host`` and ``port`` (0: a free one) until ``close``."""

    def __init__(self, host: str, port: int, routes: dict[str, Callable[[], Answer]]) -> None:
        """Listens at once. Raises OSError where it cannot."""
        self._server = _Server(host, port, routes)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="health", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5.0)


class _Server(ThreadingHTTPServer):
    """A thread a request, a bounded number of them."""

    daemon_threads = True

    def __init__(self, host: str, port: int, routes: dict[str, Callable[[], Answer]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.routes = routes
        self._host = host
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's: it asks the name servers who we are, and where there are none it waits for them.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self._host, int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that went away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _CLIENT_S
    server: _Server

    def do_GET(self) -> None:
        routes = self.server.routes
        found = routes.get(self.path.partition("?")[0])
        if found is None:
            self._answer(Answer(404, "text/plain", (" ".join(routes) + "\n").encode()))
            return
        try:
            answer = found()
        except Exception as error:  # a probe must hear that something is wrong, not a closed connection
            answer = Answer(500, "text/plain", f"{type(error).__name__}: {error}\n".encode())
        self._answer(answer)

    do_HEAD = do_GET  # noqa: N815

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        return "puente"

    def log_message(self, *_: Any) -> None:
        """Nothing: a probe every few seconds would be most of the log."""


def address(host: str, port: int) -> str:
    """The URL at which whoever is on the same machine reaches it."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
