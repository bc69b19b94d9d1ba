"""Reads a venue's instrument lists: every page of every list."""

import asyncio
from collections.abc import Iterable

from microstream.clock import Clock
from microstream.errors import MicrostreamError, WireMismatch
from microstream.spec.rest import InstrumentList, Listed, Request
from microstream.transport.http import HttpClient

MOST_PAGES = 50
PATIENCE_S = 60.0
"""A venue that asks to wait longer is asked again later, so that its ban is told."""
OPTIONAL_S = 2.0
"""How much longer than the others an optional list may take."""


class ListReader:
    """Asks for all lists of a venue. An optional list that fails or cannot be read is taken as it was the last time."""

    def __init__(self, client: HttpClient, source: InstrumentList, clock: Clock) -> None:
        self._client = client
        self._source = source
        self._clock = clock
        self._kept: dict[str, list[bytes]] = {}
        self.missing: frozenset[str] = frozenset()
        """Optional lists that failed the last time."""

    async def read(self) -> Listed:
        """Return what the lists say. Raises the first error of a list that is not optional."""
        give_up_at = self._clock.monotonic() + PATIENCE_S
        async with asyncio.TaskGroup() as group:
            asked = {
                request: group.create_task(self._pages(request, give_up_at))
                for request in self._source.requests
            }
            await asyncio.wait([task for request, task in asked.items() if not self._is_optional(request)])
            await asyncio.wait(asked.values(), timeout=OPTIONAL_S)
            for task in asked.values():
                task.cancel()
        replies: dict[str, list[bytes]] = {}
        missing = set()
        for request, task in asked.items():
            pages = None if task.cancelled() else task.result()
            if isinstance(pages, list):
                replies[request.feed] = pages
            elif self._is_optional(request):
                missing.add(request.feed)
            elif pages is not None:
                raise pages
        try:
            listed = self._source.build(replies | self._kept_of(missing))
        except WireMismatch:  # an optional list may be the one that cannot be read
            missing |= self._source.optional
            required = {feed: pages for feed, pages in replies.items() if feed not in missing}
            listed = self._source.build(required | self._kept_of(missing))
        self.missing = frozenset(missing)
        self._kept |= {feed: replies[feed] for feed in self._source.optional - missing if feed in replies}
        return listed

    def _is_optional(self, request: Request) -> bool:
        return request.feed in self._source.optional

    def _kept_of(self, feeds: Iterable[str]) -> dict[str, list[bytes]]:
        return {feed: self._kept[feed] for feed in feeds if feed in self._kept}

    async def _pages(self, first: Request, give_up_at: float) -> list[bytes] | MicrostreamError:
        """Return all pages of a list, or why it could not be read: one list's failure must not end the others."""
        pages: list[bytes] = []
        request: Request | None = first
        try:
            while request is not None:
                if len(pages) == MOST_PAGES:
                    raise WireMismatch(f"{first.path}: more than {MOST_PAGES} pages")
                response = await self._client.get(request, give_up_at=give_up_at)
                pages.append(response.body)
                request = self._source.following(request, response.body)
        except MicrostreamError as error:
            return error
        return pages
