"""A publisher that writes as the service does, with the numbers and the losses that a test wants."""

from msgspec import json
from redis.asyncio import Redis

from microstream.model.channels import channel


class Writer:
    """Writes log, last value and publication of one message each; `funding:okx` unless said otherwise."""

    def __init__(self, client: Redis, run: int = 1) -> None:
        self.client = client
        self.run = run
        self.rate = 0.0

    async def send(self, symbol: str, *numbers: int, family: str = "funding", publish: bool = True) -> None:
        """Write messages; without `publish` they are lost for those who listen."""
        place = channel(family, "okx", symbol)
        for seq in numbers:
            raw = self.payload(symbol, seq)
            pipeline = self.client.pipeline(transaction=False)
            pipeline.xadd(place.stream_key, {place.item: raw})
            pipeline.hset(place.last_key, place.item, raw)  # type: ignore[arg-type]
            if publish:
                pipeline.publish(place.name, raw)
            await pipeline.execute()

    def payload(self, symbol: str, seq: int) -> bytes:
        """Return a payload as far as a reader looks at it."""
        return json.encode(
            {"exchange": "okx", "symbol": symbol, "instrument": None, "run": self.run, "seq": seq}
            | {"received_at": 5, "funding_rate": self.rate}
        )

    async def kill_subscribers(self) -> None:
        """Have the server close the connections that are subscribed."""
        await self.client.client_kill_filter(_type="pubsub")

    async def listeners(self) -> int:
        """Return how many patterns are subscribed to."""
        return int(await self.client.pubsub_numpat())
