"""Garbage collection, as a process wants it whose objects either live for ever or die by themselves."""

import asyncio
import gc

YOUNG = 10_000
"""Objects that may be made, less those that have died, before cycles are looked for among them: 2 ms of work."""
SETTLED_S = 30.0
"""After how long the contracts are followed and everything that stays is there."""


def settle() -> None:
    """Leave what is there now alone for ever, and look at the rest seldom.

    Events and messages are not tracked at all; the default threshold of 700 has the collector walk over frames and
    lists that are about to die anyway, which takes a fifth of the time of a message.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 100)
    asyncio.get_running_loop().call_later(SETTLED_S, gc.freeze)
