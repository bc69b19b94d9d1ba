"""Where messages go: a bounded buffer, the writer to Redis or Valkey, and the embedded server."""

from microstream.sinks.buffer import Buffer
from microstream.sinks.bus import Bus
from microstream.sinks.embedded import EmbeddedServer
from microstream.sinks.settings import SinkSettings

__all__ = ["Buffer", "Bus", "EmbeddedServer", "SinkSettings"]
