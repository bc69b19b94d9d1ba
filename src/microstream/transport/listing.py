"""Reads a venue's instrument lists: every page of every list."""

import asyncio

from microstream.errors import MicrostreamError, WireMismatch
from microstream.spec.rest import InstrumentList, Listed, Request
from microstream.transport.http import HttpClient

MOST_PAGES = 50


class ListReader:
    """Asks for all lists of a venue. An optional list that fails is taken as it was the last time."""

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
                if request.feed in self._kept:
                    replies[request.feed] = self._kept[request.feed]
        listed = self._source.build(replies)
        self.missing = frozenset(missing)
        self._kept.update({feed: replies[feed] for feed in self._source.optional if feed in replies})
        return listed

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
