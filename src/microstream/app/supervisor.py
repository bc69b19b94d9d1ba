"""Owns every task: what collects above, what writes below. Knows nothing of markets."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

Runner = Callable[[], Coroutine[Any, Any, None]]


async def supervise(
    upper: Sequence[Runner],
    lower: Sequence[Runner],
    *,
    stop: asyncio.Event,
    drain: Callable[[], Awaitable[None]],
) -> None:
    """Run all until `stop` is set or one of them fails.

    Stopping is cancelling: first the upper ones, then, after `drain`, the lower ones. An error of any of them ends
    all and is raised in an `ExceptionGroup`.
    """
    async with asyncio.TaskGroup() as below:
        under = [below.create_task(run()) for run in lower]
        try:
            async with asyncio.TaskGroup() as above:
                over = [above.create_task(run()) for run in upper]
                await stop.wait()
                for task in over:
                    task.cancel()
        finally:
            await drain()
            for task in under:
                task.cancel()
