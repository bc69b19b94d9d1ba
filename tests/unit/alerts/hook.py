"""A web hook on loopback that answers as it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hook:
    """What came in, and what is answered: the statuses in turn, the last one for ever.

    While `open` is not set nothing is answered.
    """

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses) or [200]
        self.bodies: list[dict[str, Any]] = []
        self.open = threading.Event()
        self.open.set()
        self.url = ""

    @property
    def titles(self) -> list[str]:
        """The titles that came in, failed attempts too."""
        return [body["title"] for body in self.bodies]

    def answer(self, body: bytes) -> int:
        """Keep a body and return the status of the answer."""
        self.bodies.append(json.loads(body))
        self.open.wait(20)
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def listening(*statuses: int) -> Iterator[Hook]:
    """Run a web hook; its `url` is as the notification library takes it."""
    hook = Hook(*statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = hook.answer(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                return  # who asked has given up

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    hook.url = f"json://127.0.0.1:{server.server_address[1]}/s3cret"
    try:
        yield hook
    finally:
        hook.open.set()
        server.shutdown()
        server.server_close()
        thread.join()
