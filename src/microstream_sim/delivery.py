"""How an answer goes out: packed if the client takes it, and spoilt on its way if a fault says so."""

import zlib
from dataclasses import dataclass

from aiohttp import web

from microstream_sim.fault_replies import HTML_ERROR
from microstream_sim.faults import Fault

_MEGABYTE = 1 << 20
_WORTH_PACKING = 400  # bytes


@dataclass(slots=True)
class Answer:
    """A reply on its way out."""

    status: int
    body: bytes
    headers: dict[str, str]
    content_type: str = "application/json"


async def deliver(request: web.BaseRequest, answer: Answer, fault: Fault | None) -> web.StreamResponse:
    """Send an answer, whole or as the fault leaves it."""
    kind = None if fault is None else fault.kind
    if kind == "close":
        return await _send_half(request, answer)
    if kind == "huge" and fault is not None:
        return await _send_huge(request, answer, round((fault.megabytes or 1) * _MEGABYTE))
    if kind == "html":
        answer.body, answer.content_type = HTML_ERROR.format(title="Welcome").encode(), "text/html"
    elif kind == "empty_body":
        answer.body = b""
    elif kind == "cut":
        answer.body = answer.body[: len(answer.body) // 2]
    takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    if kind == "not_gzip":
        answer.headers["Content-Encoding"] = "gzip"
    elif takes_gzip and len(answer.body) > _WORTH_PACKING:
        answer.body = _gzip(answer.body)
        answer.headers["Content-Encoding"] = "gzip"
    return web.Response(
        body=answer.body, status=answer.status, headers=answer.headers, content_type=answer.content_type
    )


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(level=1, wbits=31)
    return packer.compress(body) + packer.flush()


async def _send_half(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Send half of the promised bytes, then drop the connection."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_type = answer.content_type
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _send_huge(request: web.BaseRequest, answer: Answer, size: int) -> web.StreamResponse:
    """Send the true body after `size` bytes of white space: valid JSON, but far too long."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_type = answer.content_type
    await response.prepare(request)
    block = b" " * min(size, _MEGABYTE)
    sent = 0
    while sent < size:
        await response.write(block)
        sent += len(block)
    await response.write(answer.body)
    await response.write_eof()
    return response
