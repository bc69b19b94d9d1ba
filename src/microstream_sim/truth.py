"""The truth behind the replies: every value of a contract at a moment, as the text the venue would send.

Truth knows nothing of faults that spoil replies (frozen values, wrong fields, old caches, clock errors); it
does follow changes of the contract itself (interval, cap, multiplier, status) and moves of the market.
"""

from decimal import Decimal

from msgspec import Struct

from microstream_sim.binance.current import open_interest_time as binance_open_interest_time
from microstream_sim.binance.instruments import is_adjusted
from microstream_sim.contracts import Contract, decimal_text
from microstream_sim.market import Market
from microstream_sim.okx.contracts import underlying
from microstream_sim.okx.current import SETTLING_MS
from microstream_sim.okx.current import open_interest_time as okx_open_interest_time
from microstream_sim.spelling import cap_text, open_interest_text, price_text, rate_text


class TrueState(Struct, frozen=True, kw_only=True):
    """A contract's values at the step that contains `at`; None where the venue gives none.

    `funding_rate` is the estimate for `next_funding_time`. While OKX shows a settlement as `processing`
    (`settling`), both are those of the settlement that has just passed, as in its replies.
    `open_interest` is the figure of the venue's main field in the venue's unit (Bybit: both sides),
    `open_interest_single` the same with one side counted, `open_interest_coins` one side in single coins,
    `open_interest_usd` the venue's own dollar value of one side.
    """

    venue: str
    symbol: str
    at: int
    step: int
    kind: str
    category: str
    status: str
    live: bool
    coin: str
    quote: str
    settle: str
    inverse: bool
    multiplier: int
    contract_size: str
    index_symbol: str | None
    mark_price: str
    index_price: str | None
    funding_rate: str | None
    next_funding_time: int | None
    interval_hours: int | None
    cap: str | None
    floor: str | None
    settled_rate: str | None
    settled_time: int | None
    settling: bool
    open_interest: str
    open_interest_single: str
    open_interest_coins: str
    open_interest_usd: str | None
    open_interest_time: int
    delivers_at: int | None


def true_state(market: Market, listed: Contract, at: int) -> TrueState:
    """Return the state of a contract at `at` (ms)."""
    contract = market.at(listed, at)
    measured_at = open_interest_time(market, contract, at)
    interest = open_interest_text(
        contract, market.open_interest(contract, measured_at), market.mark(contract, measured_at)
    )
    index = price_text(contract, market.index(contract, at)) if contract.index_shown == "value" else None
    rate, next_time, interval, settled, settled_at, settling = _funding(market, contract, at)
    shows_caps = contract.funds and (contract.venue != "binance" or is_adjusted(contract))
    return TrueState(
        venue=contract.venue,
        symbol=contract.symbol,
        at=at,
        step=market.step_of(at),
        kind=contract.kind,
        category=contract.coin.category,
        status=contract.status,
        live=contract.live,
        coin=contract.coin.name,
        quote=contract.quote,
        settle=contract.settle,
        inverse=contract.inverse,
        multiplier=contract.multiplier,
        contract_size=decimal_text(contract.contract_size if contract.venue == "okx" else Decimal(1)),
        index_symbol=underlying(contract) if contract.venue == "okx" else None,
        mark_price=price_text(contract, market.mark(contract, at)),
        index_price=index,
        funding_rate=rate,
        next_funding_time=next_time,
        interval_hours=interval,
        cap=cap_text(contract.venue, contract.cap) if shows_caps else None,
        floor=cap_text(contract.venue, contract.floor) if shows_caps else None,
        settled_rate=settled,
        settled_time=settled_at,
        settling=settling,
        open_interest=interest.venue,
        open_interest_single=interest.single,
        open_interest_coins=interest.coins,
        open_interest_usd=interest.usd,
        open_interest_time=measured_at,
        delivers_at=contract.delivers_at,
    )


def open_interest_time(market: Market, contract: Contract, at: int) -> int:
    """Return when the open interest that is shown at `at` was measured."""
    if contract.venue == "binance":
        return binance_open_interest_time(contract, at)
    return okx_open_interest_time(at) if contract.venue == "okx" else market.step_of(at)


def _funding(
    market: Market, contract: Contract, at: int
) -> tuple[str | None, int | None, int | None, str | None, int | None, bool]:
    """Return rate, next settlement, interval, last settled rate and its time, whether it is settling."""
    if not contract.funds:
        return None, None, None, None, None, False
    state = market.funding(contract, at)
    settled = rate_text(contract.venue, market.settled(contract, state.previous_at).rate)
    if contract.venue == "okx" and market.step_of(at) - state.previous_at < SETTLING_MS:
        return settled, state.previous_at, state.interval_h, settled, state.previous_at, True
    rate = rate_text(contract.venue, state.rate)
    return rate, state.settles_at, state.interval_h, settled, state.previous_at, False
