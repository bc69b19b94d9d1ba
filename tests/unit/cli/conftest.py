"""Arrivals as the feed yields them, without a server."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import json

from microstream.client.arrival import Arrival, read_payload
from microstream.model.channels import parts

Arrive = Callable[..., Arrival]


@pytest.fixture
def arrive() -> Arrive:
    """`arrive(channel, live=True, missing=0, **payload)`; `raw=` gives the bytes instead of the payload."""

    def make(
        channel: str, *, live: bool = True, missing: int = 0, raw: bytes | None = None, **values: Any
    ) -> Arrival:
        family, exchange, item = parts(channel)
        body = json.encode(values) if raw is None else raw
        payload, problem = read_payload(body, family)
        return Arrival(
            channel=channel,
            family=family,
            exchange=exchange,
            item=item,
            raw=body,
            payload=payload,
            live=live,
            missing=missing,
            problem=problem,
        )

    return make
