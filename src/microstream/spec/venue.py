"""A venue as data: hosts, limits, lists, polls and parsers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from microstream.model.events import Kind
from microstream.model.instruments import Instrument
from microstream.spec.history import History
from microstream.spec.rest import Feed, InstrumentList, Poll, Quota, Request, Verdict
from microstream.spec.spot import Spot
from microstream.spec.stream import Endpoint, Session

NO_CONNECTS = Quota("connects", limit=60, window_s=60)


@dataclass(frozen=True, slots=True)
class Venue:
    """Everything the service knows of one exchange.

    `clock` asks for the venue's time: the cheapest question that shows whether it answers. `feeds` maps the name of
    a REST reply to its parser, current values and history alike. `guess` makes an instrument from a name alone, by
    the venue's naming rules, or None for names out of scope; `guess_index` the instrument that an index most likely
    stands behind. `session` builds the reader that `decode` takes for recorded frames of any endpoint. `endpoints` are
    its WebSocket addresses, `connects` how many connections may be opened to them in what time. `refresh_s` is, per
    kind, how old the venue itself lets a value's time become while all is well; kinds without an entry carry no time
    that tells their age. `spot` is its spot market, under `spot_rest_url` and `spot_ws_url`; where these are `rest_url`
    and `ws_url`, a base that is configured for the contracts holds for spot too. `histories` is what it tells of the
    past.
    """

    name: str
    rest_url: str
    quotas: Sequence[Quota]
    verdict: Verdict
    instruments: InstrumentList
    clock: Request
    polls: Sequence[Poll]
    feeds: Mapping[str, Feed]
    guess: Callable[[str], Instrument | None]
    session: Callable[[], Session]
    endpoints: Sequence[Endpoint] = ()
    ws_url: str = ""
    spot_rest_url: str = ""
    spot_ws_url: str = ""
    spot: Spot | None = None
    connects: Quota = NO_CONNECTS
    guess_index: Callable[[str], Instrument | None] = lambda _name: None
    refresh_s: Mapping[Kind, float] = field(default_factory=dict)
    histories: Sequence[History] = ()
