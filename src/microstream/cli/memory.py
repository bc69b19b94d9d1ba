"""Garbage collection, as a process wants it whose objects either live for ever or die by themselves."""

import asyncio
import gc

YOUNG = 10_000
"""Objects that may be made, less those that have died, before cycles are looked for among them."""
SETTLED_S = 30.0
"""After how long the contracts are followed and everything that stays is there."""
LOOK_S = 1.0
LOOKS = {2: 1_800, 1: 20, 0: 1}
"""A generation and every how many looks it is looked at with the younger ones, the oldest first."""


def settle() -> None:
    """Leave what is there now alone for ever, and look at the rest once a second.

    Events and messages are not tracked at all; the default threshold of 700 has the collector walk over frames and
    lists that are about to die anyway, which takes a fifth of the time of a message. A threshold alone lets the young
    grow without end where they take the place of old ones that die: it counts the difference.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 100)
    loop = asyncio.get_running_loop()
    loop.call_later(SETTLED_S, gc.freeze)
    loop.call_later(LOOK_S, _look, loop, 1)


def _look(loop: asyncio.AbstractEventLoop, count: int) -> None:
    gc.collect(next(generation for generation, every in LOOKS.items() if count % every == 0))
    loop.call_later(LOOK_S, _look, loop, count + 1)
