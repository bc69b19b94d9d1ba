"""Bodies: whole, decompressed, and within their limit."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.transport import body
from microstream.transport.body import BadEncodingError, TooLargeError, decoded


@given(st.binary(max_size=5000))
def test_a_gzip_body_is_what_was_packed(data: bytes) -> None:
    """Packing and decoding give the same bytes."""
    assert decoded(gzip.compress(data), "gzip", 5000) == data


@pytest.mark.parametrize("encoding", [None, "identity"])
def test_a_plain_body_is_passed_on(encoding: str | None) -> None:
    """No encoding, nothing to do."""
    assert decoded(b'{"a":1}', encoding, 7) == b'{"a":1}'


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_the_limit_holds_for_the_decompressed_size(encoding: str | None) -> None:
    """One byte more than allowed is refused, the limit itself is not."""
    data = b"x" * 1000
    sent = data if encoding is None else gzip.compress(data)
    assert decoded(sent, encoding, 1000) == data
    with pytest.raises(TooLargeError):
        decoded(sent, encoding, 999)


@given(cut=st.integers(0, 200))
def test_a_gzip_body_that_ends_early_is_noticed(cut: int) -> None:
    """A reply cut anywhere is an error, not half a reply."""
    packed = gzip.compress(bytes(range(256)))
    with pytest.raises(BadEncodingError):
        decoded(packed[:cut], "gzip", 10_000)


@pytest.mark.parametrize(
    "packed", [b"{}", b"\x1f\x8b\x08", gzip.compress(b"{}", mtime=0) + b"{}", zlib.compress(b"{}")]
)
def test_what_is_not_one_gzip_member_is_refused(packed: bytes) -> None:
    """Plain text, a bare header, trailing bytes and another format are errors."""
    with pytest.raises(BadEncodingError):
        decoded(packed, "gzip", 100)


def test_an_encoding_that_was_not_asked_for_is_refused() -> None:
    """Brotli bytes must not reach a parser."""
    with pytest.raises(BadEncodingError, match="'br' was not asked for"):
        decoded(b"\x0b\x01\x80{}\x03", "br", 100)


def test_the_standard_library_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where isal has no wheel, zlib takes its place."""
    monkeypatch.setattr(body, "inflater", zlib)
    assert decoded(gzip.compress(b"{}"), "gzip", 100) == b"{}"
    with pytest.raises(BadEncodingError):
        decoded(b"{}", "gzip", 100)
