"""How many topics go into one request (pure)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from microstream.spec.stream import Endpoint, Topic


@dataclass(frozen=True, slots=True)
class Batch:
    """Topics of one request, and its text."""

    topics: Sequence[Topic]
    text: bytes


def first_batch(
    topics: Sequence[Topic], endpoint: Endpoint, make: Callable[[Sequence[Topic], int], bytes], number: int
) -> Batch:
    """Return the request for as many of the first topics as the endpoint takes at once; at least one."""
    most, fits = min(len(topics), endpoint.batch), 1
    text = make(topics[:most], number)
    if len(text) <= endpoint.batch_bytes or most == 1:
        return Batch(topics[:most], text)
    while most - fits > 1:  # the text of `fits` topics fits or is of one; that of `most` does not
        middle = (fits + most) // 2
        if len(make(topics[:middle], number)) <= endpoint.batch_bytes:
            fits = middle
        else:
            most = middle
    return Batch(topics[:fits], make(topics[:fits], number))
