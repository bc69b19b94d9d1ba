"""Configuration and wishes -> a replay. Builds, never runs."""

from collections.abc import Collection
from dataclasses import dataclass, field

from microstream.app.outlet import CLOSE_MS
from microstream.app.recomputation import Recomputation
from microstream.app.wiring import sink_settings
from microstream.client.selection import Selection
from microstream.clock import Clock
from microstream.config import Config
from microstream.history.pace import Pace
from microstream.history.remake import VALUES, Remake
from microstream.history.replay import Replay
from microstream.history.store import Store
from microstream.history.tape import ORDER, Tape, Wants
from microstream.model.past import Span
from microstream.sinks.relay import Relay

WHOLE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to be replayed, and how.

    `speed` None is as fast as can be. Nothing named is everything. `warm_up_ms` is how much of what was recorded before
    goes into what is computed.
    """

    span: Span
    store: str
    speed: float | None = 1.0
    compute: bool = False
    warm_up_ms: int = 0
    exchanges: Collection[str] = field(default=())
    families: Collection[str] = field(default=())
    symbols: Collection[str] = field(default=())


def make_replay(wishes: Wishes, config: Config, url: str, clock: Clock) -> Replay:
    """Return the replay, which writes to the server at `url`. Raises `ConfigError`."""
    families = frozenset(wishes.families or ORDER)
    return Replay(
        make_tape(wishes),
        wishes.span,
        Relay(sink_settings(config, url), clock),
        Pace(wishes.speed),
        clock,
        families=families,
        remake=Remake(Recomputation(config), CLOSE_MS) if wishes.compute else None,
        warm_up_ms=wishes.warm_up_ms,
    )


def make_tape(wishes: Wishes) -> Tape:
    """Return what reads the recorded messages that are wanted; what is computed is made of all values."""
    families = VALUES if wishes.compute else tuple(wishes.families or ORDER)
    return Tape(Store(wishes.store), families, _wants(wishes))


def _wants(wishes: Wishes) -> Wants | None:
    """Return which contracts are wanted, None for all. What is about a whole venue goes with its contracts."""
    if not (wishes.exchanges or wishes.symbols):
        return None
    exchanges, named = frozenset(wishes.exchanges), Selection.parse(wishes.symbols)

    def wants(exchange: str, symbol: str, instrument: str | None) -> bool:
        if exchanges and exchange not in exchanges:
            return False
        return symbol == WHOLE or named.wants_contract(symbol, instrument)

    return wants
