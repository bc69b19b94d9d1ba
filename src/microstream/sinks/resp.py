"""Commands in the Redis serialization protocol, RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""

Argument = bytes | str | int


def bulk(data: bytes) -> bytes:
    """Return one argument as a bulk string."""
    return b"$%d\r\n%b\r\n" % (len(data), data)


def arguments(*values: Argument) -> bytes:
    """Return several arguments as bulk strings, one after the other, without the array header."""
    return b"".join([bulk(value if isinstance(value, bytes) else str(value).encode()) for value in values])


def command(*values: Argument) -> bytes:
    """Return a whole command."""
    return b"*%d\r\n%b" % (len(values), arguments(*values))


def split(packed: bytes) -> list[bytes]:
    """Return the commands that stand one after the other in a text of whole commands."""
    commands = []
    begin = 0
    while begin < len(packed):
        at = packed.index(b"\r\n", begin)
        words = int(packed[begin + 1 : at])
        at += 2
        for _ in range(words):
            head = packed.index(b"\r\n", at)
            at = head + 2 + int(packed[at + 1 : head]) + 2
        commands.append(packed[begin:at])
        begin = at
    return commands


def name_of(packed: bytes) -> str:
    """Return what to call a packed command in an error: `XADD stream:oi:okx`; of `AUTH` no argument."""
    words = packed.split(b"\r\n", 5)[2::2]
    return " ".join(
        word.decode(errors="replace") for word in words[: 1 if words[0] == b"AUTH" else 2]
    ).strip()
