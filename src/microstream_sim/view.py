"""What a venue shows in one reply: the market at one moment, through whatever is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from microstream_sim.contracts import Contract
from microstream_sim.market import Funding, Market
from microstream_sim.spelling import OpenInterestText, open_interest_text, price_text


@dataclass(frozen=True, slots=True)
class View:
    """The market as one reply sees it.

    `now` is the time of the request, `at` the time of the values (earlier when an old cache answers).
    All times that go out pass through `stamp`: `offset` is the error of the venue's clock, `ceiling` the
    moment at which its stamps stopped. `frozen` maps a symbol, or `*`, to the time its values stopped.
    """

    market: Market
    listed: Mapping[str, Contract]
    now: int
    at: int
    offset: int = 0
    ceiling: int | None = None
    frozen: Mapping[str, int] = field(default_factory=dict)

    def stamp(self, t: int) -> int:
        """Return how the venue's clock spells the time `t`."""
        shown = t + self.offset
        return shown if self.ceiling is None else min(shown, self.ceiling + self.offset)

    @property
    def clock(self) -> int:
        """The venue's clock at this reply."""
        return self.stamp(self.now)

    @property
    def data_time(self) -> int:
        """The time that current values carry."""
        return self.stamp(self.market.step_of(self.at))

    def contracts(self) -> list[Contract]:
        """Return all listed contracts as they stand now."""
        return [self.market.at(contract, self.at) for contract in self.listed.values()]

    def contract(self, symbol: str) -> Contract | None:
        """Return one contract as it stands now, or None if the venue does not list it."""
        contract = self.listed.get(symbol)
        return None if contract is None else self.market.at(contract, self.at)

    def value_time(self, symbol: str) -> int:
        """Return the time whose values are shown for `symbol`."""
        if not self.frozen:
            return self.at
        return min(self.at, self.frozen.get(symbol, self.at), self.frozen.get("*", self.at))

    def mark(self, contract: Contract) -> float:
        """Return the mark price."""
        return self.market.mark(contract, self.value_time(contract.symbol))

    def mark_text(self, contract: Contract) -> str:
        """Return the mark price as the venue spells it."""
        return price_text(contract, self.mark(contract))

    def index_text(self, contract: Contract) -> str:
        """Return the index price as the venue spells it."""
        return price_text(contract, self.market.index(contract, self.value_time(contract.symbol)))

    def funding(self, contract: Contract) -> Funding:
        """Return the funding state; a frozen rate keeps its value while settlements go on."""
        state = self.market.funding(contract, self.at)
        seen_at = self.value_time(contract.symbol)
        if seen_at == self.at:
            return state
        old = self.market.funding(contract, seen_at)
        return Funding(old.rate, old.premium, state.settles_at, state.previous_at, state.interval_h)

    def open_interest(self, contract: Contract, at: int | None = None) -> OpenInterestText:
        """Return the open interest at `at`, or as shown now."""
        when = self.value_time(contract.symbol) if at is None else at
        mark = self.market.mark(contract, when)
        return open_interest_text(contract, self.market.open_interest(contract, when), mark)
