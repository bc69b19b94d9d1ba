"""A response body as it was meant: decompressed, whole, and not above a size."""

import zlib
from types import ModuleType

inflater: ModuleType = zlib
try:
    from isal import isal_zlib

    inflater = isal_zlib
except ImportError:  # no wheel for this machine: the standard library does the same in about twice the time
    pass

GZIP = 16 + zlib.MAX_WBITS


class BadEncodingError(Exception):
    """The body is not what its Content-Encoding says."""


class TooLargeError(Exception):
    """The body is above the size that was allowed."""


def decoded(body: bytes, encoding: str | None, limit: int) -> bytes:
    """Return the body decompressed, at most `limit` bytes.

    `encoding` is the Content-Encoding header; gzip is the only one that we ask for. Raises
    `BadEncodingError`, also for a body that ends early, and `TooLargeError`; makes no more than `limit` + 1
    bytes, however well packed.
    """
    if encoding is None or encoding.lower() == "identity":
        plain = body
    elif encoding.lower() == "gzip":
        plain = _gunzipped(body, limit)
    else:
        raise BadEncodingError(f"Content-Encoding {encoding[:40]!r} was not asked for")
    if len(plain) > limit:
        raise TooLargeError
    return plain


def _gunzipped(body: bytes, limit: int) -> bytes:
    inflate = inflater.decompressobj(GZIP)
    try:
        plain: bytes = inflate.decompress(body, limit + 1)
    except (zlib.error, inflater.error) as error:
        raise BadEncodingError(f"not valid gzip: {error}") from error
    if len(plain) <= limit and not inflate.eof:
        raise BadEncodingError("the gzip body ends early")
    if inflate.unused_data:
        raise BadEncodingError("bytes after the end of the gzip body")
    return plain
