"""Packed commands are those that redis-py would send."""

from hypothesis import given
from hypothesis import strategies as st
from redis.connection import Connection

from microstream.sinks.resp import arguments, bulk, command, name_of

words = st.one_of(st.binary(), st.text(st.characters(codec="utf-8")), st.integers())


def packed_by_redis_py(*values: bytes | str | int) -> bytes:
    """Pack with the library; its command name takes no blanks."""
    return b"".join(Connection().pack_command(*values))  # type: ignore[no-untyped-call]


@given(st.lists(words, max_size=8))
def test_command_equals_redis_py(values: list[bytes | str | int]) -> None:
    """Any arguments, bytes and non-ASCII text among them, are packed like the library packs them."""
    assert packed_by_redis_py("XADD", *values) == command("XADD", *values)


def test_length_counts_bytes() -> None:
    """A symbol in Chinese has more bytes than characters."""
    assert bulk("币安".encode()) == b"$6\r\n\xe5\xb8\x81\xe5\xae\x89\r\n"
    assert arguments("币安", 7) == b"$6\r\n\xe5\xb8\x81\xe5\xae\x89\r\n$1\r\n7\r\n"


def test_name_says_command_and_key() -> None:
    """An error names what was refused."""
    assert name_of(command("HSET", "last:oi:okx", "f", "v")) == "HSET last:oi:okx"
    assert name_of(command("HKEYS", "last:oi:okx")) == "HKEYS last:oi:okx"
    assert name_of(command("PING")) == "PING"


def test_name_of_auth_hides_its_arguments() -> None:
    """Neither user nor password may reach a log."""
    assert name_of(command("AUTH", "user", "secret")) == "AUTH"
