"""A slice, over a connection: all of it, or an error that leaves what is still to be sent."""

import hiredis

from microstream.sinks.connection import Link
from microstream.sinks.packing import Slice


async def deliver(link: Link, written: Slice) -> None:
    """Write a slice. Raises `SinkDown`; of what the server has answered, only what it refused stays in the slice."""
    replies = await link.send(written.packed, written.count)
    if hiredis.ReplyError not in set(map(type, replies)):
        return
    refused = [
        (one, reply)
        for one, reply in zip(written.commands, replies, strict=True)
        if isinstance(reply, hiredis.ReplyError)
    ]
    written.packed, written.count = b"".join([one for one, _ in refused]), len(refused)
    link.abort()
    raise link.refusal(*refused[0])
