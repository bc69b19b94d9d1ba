"""Spot of a venue as data: which pairs belong to a contract, how their quotes are asked for and streamed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from microstream.model.instruments import Instrument
from microstream.spec.rest import Feed, Poll, Quota, Verdict
from microstream.spec.stream import Endpoint


@dataclass(frozen=True, slots=True)
class Spot:
    """What the service knows of the spot market of one exchange.

    `pairs(contract)` are the names under which the spot pair of the contract's coin may be listed, the best first:
    they are made by rule, and the first that a reply of `poll` names is the pair. `feeds` are the parsers of `poll`
    alone, under names that no contract's reply has. `quotas` are counted for the spot host; those of the venue itself
    (the same object) are counted together with the contracts' while both have one host. `endpoints` stream the pairs
    of their context.
    """

    quotas: Sequence[Quota]
    verdict: Verdict
    poll: Poll
    feeds: Mapping[str, Feed]
    pairs: Callable[[Instrument], Sequence[Instrument]]
    endpoints: Sequence[Endpoint] = ()
