"""A subscriber that is as fast as Python can be: a blocking socket, hiredis, and the clock read before anything else.

`python -m benchmarks.receiver PORT PATTERN [--keep]` prints a line when it is subscribed, and what it saw as JSON when
standard input closes: the number of messages, the holes in the numbers of the channels, and with `--keep` (channel,
mark price, perf_counter_ns) of every message. A server that drops a slow reader ends it with exit code 1.
"""

import argparse
import gc
import socket
import sys
import threading
import time
from collections.abc import Iterator

import hiredis
import msgspec

CHUNK = 1 << 18


class Payload(msgspec.Struct):
    """What is read of a message."""

    seq: int
    run: int
    mark_price: float | None = None


class Receiver:
    """Counts what arrives; keeps the raw messages, to be read after the end, only where they are asked for."""

    def __init__(self, port: int, pattern: str, *, keep: bool) -> None:
        self.count = 0
        self.holes = 0
        self.kept: list[tuple[bytes, bytes, int]] = []
        self._keep = keep
        self._newest: dict[bytes, tuple[int, int]] = {}
        self._decode = msgspec.json.Decoder(Payload).decode
        self._closed = False
        self._sock = socket.create_connection(("127.0.0.1", port))
        self._sock.sendall(b"*2\r\n$10\r\nPSUBSCRIBE\r\n$%d\r\n%b\r\n" % (len(pattern), pattern.encode()))

    def run(self) -> bool:
        """Read until told to end; return whether that is how it ended."""
        threading.Thread(target=self._wait_for_end, daemon=True).start()
        for at, channel, data in self._messages():
            self.count += 1
            if self._keep:
                self.kept.append((channel, data, at))
            else:
                self._check(channel, self._decode(data))
        return self._closed

    def result(self) -> bytes:
        """Return what was seen."""
        messages = []
        for channel, data, at in self.kept:
            payload = self._decode(data)
            self._check(channel, payload)
            messages.append((channel.decode(), payload.mark_price, at))
        return msgspec.json.encode({"count": self.count, "holes": self.holes, "messages": messages})

    def _messages(self) -> Iterator[tuple[int, bytes, bytes]]:
        parser = hiredis.Reader()
        while data := self._receive():
            at = time.perf_counter_ns()
            parser.feed(data)
            while (reply := parser.gets()) is not False:
                if reply[0] == b"pmessage":
                    yield at, reply[2], reply[3]
                else:
                    print("{}", flush=True)

    def _receive(self) -> bytes:
        try:
            return self._sock.recv(CHUNK)
        except ConnectionResetError:  # shutting down with bytes unread may end like this
            return b""

    def _check(self, channel: bytes, payload: Payload) -> None:
        run, seq = self._newest.get(channel, (payload.run, payload.seq - 1))
        if payload.run == run and payload.seq > seq + 1:
            self.holes += payload.seq - seq - 1
        self._newest[channel] = (payload.run, payload.seq)

    def _wait_for_end(self) -> None:
        sys.stdin.buffer.read()
        self._closed = True
        self._sock.shutdown(socket.SHUT_RDWR)


def main() -> int:
    """Receive."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("pattern")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    gc.disable()  # what is kept is not to be walked while messages come
    receiver = Receiver(options.port, options.pattern, keep=options.keep)
    well = receiver.run()
    sys.stdout.buffer.write(receiver.result())
    sys.stdout.flush()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
