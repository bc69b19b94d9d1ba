"""Instrument lists page by page: an optional list that fails or cannot be read must not take the others with it."""

from collections.abc import Mapping
from typing import cast

import pytest

from microstream.clock import SystemClock
from microstream.errors import MicrostreamError, TransportError, WireMismatch
from microstream.model.instruments import Instrument
from microstream.spec.rest import InstrumentList, Listed, Replies, Request, Response
from microstream.transport.http import HttpClient
from microstream.transport.listing import ListReader

MAIN, EXTRA = Request("main", "/main"), Request("extra", "/extra")


class Answers:
    """Stands for the HTTP client: a body or an error for each path."""

    def __init__(self, **bodies: bytes | MicrostreamError) -> None:
        self.bodies: dict[str, bytes | MicrostreamError] = dict(bodies)

    async def get(self, request: Request, *, give_up_at: float | None = None) -> Response:
        """Return the body of a path."""
        assert give_up_at is not None
        body = self.bodies[request.feed]
        if isinstance(body, MicrostreamError):
            raise body
        return Response(200, {}, body, 0, 0)


def _build(replies: Replies) -> Listed:
    contracts = []
    for feed in ("main", "extra"):
        for page in replies.get(feed, ()):
            if page == b"broken":
                raise WireMismatch(f"{feed} cannot be read")
            contracts.append(page.decode())
    return Listed([_contract(name) for name in contracts])


def _contract(name: str) -> Instrument:
    return Instrument(
        exchange="x", name=name, symbol=name, instrument=name, base=name, venue_base=name, quote="USDT", settle="USDT",
        kind="perpetual",
    )  # fmt: skip


def _following(request: Request, body: bytes) -> Request | None:
    pages: Mapping[bytes, str] = {b"A": "main"}
    return Request("main", "/main/2") if body in pages and request.path == "/main" else None


def _reader(answers: Answers) -> ListReader:
    source = InstrumentList(
        feed="main", requests=(MAIN, EXTRA), build=_build, following=_following, optional=frozenset({"extra"})
    )
    return ListReader(cast("HttpClient", answers), source, SystemClock())


async def _names(reader: ListReader) -> list[str]:
    return [item.name for item in (await reader.read()).instruments]


async def test_all_lists_and_all_pages() -> None:
    """Every page of every list is read."""
    reader = _reader(Answers(main=b"A", extra=b"B"))
    assert await _names(reader) == ["A", "A", "B"]
    assert not reader.missing


@pytest.mark.parametrize("fault", [TransportError("down"), b"broken"])
async def test_optional_list_is_kept_from_the_last_time(fault: bytes | MicrostreamError) -> None:
    """An optional list that fails, or that cannot be read, is taken as it was; it is read again later."""
    answers = Answers(main=b"M", extra=fault)
    reader = _reader(answers)
    assert await _names(reader) == ["M"]
    assert reader.missing == {"extra"}
    answers.bodies["extra"] = b"B"
    assert await _names(reader) == ["M", "B"]
    assert not reader.missing
    answers.bodies["extra"] = fault
    assert await _names(reader) == ["M", "B"]
    assert reader.missing == {"extra"}


@pytest.mark.parametrize("extra", [b"B", b"broken", TransportError("down")])
async def test_required_list_that_cannot_be_read(extra: bytes | MicrostreamError) -> None:
    """Without the main list there is nothing to go by."""
    with pytest.raises(WireMismatch, match="main"):
        await _reader(Answers(main=b"broken", extra=extra)).read()
    with pytest.raises(TransportError, match="down"):
        await _reader(Answers(main=TransportError("down"), extra=extra)).read()
