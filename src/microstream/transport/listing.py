"""Reads a venue's instrument lists: every page of every list."""

import asyncio
from collections.abc import Iterable

from microstream.errors import MicrostreamError, WireMismatch
from microstream.spec.rest import InstrumentList, Listed, Request
from microstream.transport.http import HttpClient

MOST_PAGES = 50


class ListReader:
    """Asks for all lists of a venue. An optional list that fails or cannot be read is taken as it was the last time."""

    def __init__(self, client: HttpClient, source: InstrumentList) -> None:
        self._client = client
        self._source = source
        self._kept: dict[str, list[bytes]] = {}
        self.missing: frozenset[str] = frozenset()
        """Optional lists that failed the last time."""

    async def read(self) -> Listed:
        """Return what the lists say. Raises the first error of a list that is not optional."""
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._pages(request)) for request in self._source.requests]
        replies: dict[str, list[bytes]] = {}
        missing = set()
        for request, task in zip(self._source.requests, asked, strict=True):
            pages = task.result()
            if not isinstance(pages, MicrostreamError):
                replies[request.feed] = pages
            elif request.feed not in self._source.optional:
                raise pages
            else:
                missing.add(request.feed)
        try:
            listed = self._source.build(replies | self._kept_of(missing))
        except WireMismatch:  # an optional list may be the one that cannot be read
            missing |= self._source.optional
            required = {feed: pages for feed, pages in replies.items() if feed not in missing}
            listed = self._source.build(required | self._kept_of(missing))
        self.missing = frozenset(missing)
        self._kept |= {feed: replies[feed] for feed in self._source.optional - missing if feed in replies}
        return listed

    def _kept_of(self, feeds: Iterable[str]) -> dict[str, list[bytes]]:
        return {feed: self._kept[feed] for feed in feeds if feed in self._kept}

    async def _pages(self, first: Request) -> list[bytes] | MicrostreamError:
        """Return all pages of a list, or why it could not be read: one list's failure must not end the others."""
        pages: list[bytes] = []
        request: Request | None = first
        try:
            while request is not None:
                if len(pages) == MOST_PAGES:
                    raise WireMismatch(f"{first.path}: more than {MOST_PAGES} pages")
                response = await self._client.get(request)
                pages.append(response.body)
                request = self._source.following(request, response.body)
        except MicrostreamError as error:
            return error
        return pages
