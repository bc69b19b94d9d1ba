"""A WebSocket server that speaks as much of Bybit's v5 linear API as a stream client needs, at a steady pace.

`python -m benchmarks.load_server RATE TICKERS`: TICKERS is a file with the rows of `/v5/market/tickers`. Prints
`{"port": ..}`, then waits for a client. A subscription is acknowledged, every topic gets its snapshot, and from the
first one on RATE deltas a second go round the topics, one every 1/RATE s. Each changes `markPrice` to a value that
its contract never had, so the moment at which it was handed to the socket is found by contract and value. When
standard input closes, prints what was sent and ends.

Threads and blocking sockets: an event loop's timers are too coarse for a frame every 200 us, and a loop that looks at
the clock all the time would take a core from those who are measured.
"""

import base64
import gc
import hashlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LINEAR = b"/v5/public/linear"
"""Other paths are acknowledged, and silent."""
STEP = 1e-6
"""By how much a mark price grows from one delta of its contract to the next, as a fraction."""
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
NOBODY_S = 0.01
LATE_S = 0.05
"""Frames that are later than this are not made up for."""


@dataclass(slots=True)
class Topic:
    """One subscribed contract; `sent` has (mark price, perf_counter_ns) of every delta."""

    row: dict[str, Any]
    sent: list[tuple[float, int]] = field(default_factory=list)

    def delta(self) -> tuple[float, bytes]:
        """Return the next delta and its price."""
        row, number = self.row, len(self.sent) + 1
        price = f"{float(row['markPrice']) * (1 + number * STEP):.12g}"
        data = {"symbol": row["symbol"], "lastPrice": price, "markPrice": price}
        data |= {name: row[name] for name in ("bid1Price", "bid1Size", "ask1Price", "ask1Size")}
        return float(price), frame(push(row["symbol"], "delta", data))


Circle = list[tuple["Client", Topic]]
"""Whose turn it is, one after the other: the topics of all clients."""


class Client:
    """One connection: answers what it is asked, and sends when it is told."""

    def __init__(self, sock: socket.socket, rows: Mapping[str, dict[str, Any]], circle: Circle) -> None:
        self._sock = sock
        self._rows = rows
        self._circle = circle
        self._path = b""
        self._writing = threading.Lock()

    def send(self, data: bytes) -> None:
        """Write whole frames."""
        with self._writing:
            self._sock.sendall(data)

    def serve(self) -> None:
        """Shake hands and answer until the client leaves."""
        self._shake_hands()
        for code, payload in read_frames(self._sock):
            if code == TEXT:
                self._answer(msgspec.json.decode(payload))
            elif code == PING:
                self.send(frame(payload, PONG))
            elif code == CLOSE:
                self.send(frame(payload[:2], CLOSE))
                return

    def _shake_hands(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._sock.recv(4096) or b"\r\n\r\n"
        self._path = head.split(b" ", 2)[1]
        lines = (line.partition(b":") for line in head.split(b"\r\n"))
        key = next(value.strip() for name, _, value in lines if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())  # noqa: S324 (RFC 6455 wants it)
        self.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def _answer(self, request: dict[str, Any]) -> None:
        operation = request.get("op")
        reply: dict[str, Any] = {
            "success": True,
            "ret_msg": "pong" if operation == "ping" else "",
            "conn_id": "1",
        }
        reply |= {"req_id": request.get("req_id", ""), "op": operation}
        self.send(frame(msgspec.json.encode(reply)))
        if operation == "subscribe" and self._path == LINEAR:
            names = [name.removeprefix("tickers.") for name in request["args"]]
            new = [Topic(self._rows[name]) for name in names if name in self._rows]
            self.send(b"".join(frame(push(one.row["symbol"], "snapshot", one.row)) for one in new))
            self._circle.extend((self, topic) for topic in new)


class Server:
    """Takes clients and keeps the pace."""

    def __init__(self, rate: int, rows: list[dict[str, Any]]) -> None:
        self.late_ns: list[int] = []
        self._pause_ns = 1_000_000_000 // rate
        self._rows = {row["symbol"]: row for row in rows}
        self._circle: Circle = []
        self._gone: list[Topic] = []
        self._connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))

    def run(self) -> None:
        """Serve until standard input closes, then tell what was sent."""
        print(msgspec.json.encode({"port": self._listener.getsockname()[1]}).decode(), flush=True)
        for work in (self._accept, self._keep_pace):
            threading.Thread(target=work, daemon=True).start()
        sys.stdin.buffer.read()
        topics = [*self._gone, *(topic for _, topic in self._circle)]
        sent = [(topic.row["symbol"], price, at) for topic in topics for price, at in topic.sent]
        told = {"connections": self._connections, "sent": sent, "late_ns": self.late_ns}
        sys.stdout.buffer.write(msgspec.json.encode(told))
        sys.stdout.flush()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Client(sock, self._rows, self._circle)
            self._connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: Client) -> None:
        with suppress(OSError, StopIteration):
            client.serve()
        self._gone += [topic for one, topic in self._circle if one is client]
        self._circle[:] = [(one, topic) for one, topic in self._circle if one is not client]

    def _keep_pace(self) -> None:
        turn = 0
        for due in self._beats():
            circle = self._circle
            if not circle:
                time.sleep(NOBODY_S)
                continue
            turn = (turn + 1) % len(circle)
            client, topic = circle[turn]
            price, data = topic.delta()
            now = time.perf_counter_ns()
            with suppress(OSError):
                client.send(data)
                topic.sent.append((price, now))
                self.late_ns.append(now - due)

    def _beats(self) -> Iterator[int]:
        """Yield the moments at which a frame is due, each when it has come."""
        due = time.perf_counter_ns()
        while True:
            due += self._pause_ns
            left = due - time.perf_counter_ns()
            if left > 0:
                time.sleep(left / 1e9)
            elif left < -LATE_S * 1e9:
                due = time.perf_counter_ns()
            yield due


def push(symbol: str, kind: str, data: dict[str, Any]) -> bytes:
    """Return the body of a push; `cs` grows with time."""
    now = time.time_ns()
    body = {
        "topic": f"tickers.{symbol}",
        "type": kind,
        "data": data,
        "cs": now // 1000,
        "ts": now // 1_000_000,
    }
    return msgspec.json.encode(body)


def frame(payload: bytes, code: int = TEXT) -> bytes:
    """Return a frame of a server (RFC 6455, 5.2): whole, unmasked."""
    size = len(payload)
    head = bytes([0x80 | code, size]) if size < 126 else struct.pack(">BBH", 0x80 | code, 126, size)
    return head + payload


def read_frames(sock: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Yield code and payload of the frames of a client, which are masked and short enough to be whole."""
    stream = sock.makefile("rb")
    while head := stream.read(2):
        code, size = head[0] & 0xF, head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(stream.read(2 if size == 126 else 8), "big")
        mask = stream.read(4) if head[1] & 0x80 else bytes(4)
        masked = stream.read(size)
        key = (mask * (size // 4 + 1))[:size]
        yield code, (int.from_bytes(masked, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def main() -> None:
    """Serve. What is kept of a hundred thousand frames is not to be walked by the collector in the middle of it."""
    gc.disable()
    rate, tickers = int(sys.argv[1]), Path(sys.argv[2])
    Server(rate, msgspec.json.decode(tickers.read_bytes())["result"]["list"]).run()


if __name__ == "__main__":
    main()
