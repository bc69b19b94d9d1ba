"""Simulated OKX: swaps, X-Perps, dated futures and as much of spot as a basis needs."""

from typing import Any

from microstream_sim.exchange import Exchange, VenueError
from microstream_sim.okx import contracts, current, history, instruments
from microstream_sim.okx.limits import OkxLimiter
from microstream_sim.okx.streams import STREAMS


def _rows(body: Any) -> list[Any] | None:
    """Return the rows of `data`."""
    rows = body.get("data") if isinstance(body, dict) else None
    return rows if isinstance(rows, list) else None


def _unknown_path(_path: str, _now: int) -> VenueError:
    return VenueError(404, {"code": "404", "data": {}, "msg": "Not Found"})


OKX = Exchange(
    name="okx",
    key="instId",
    contracts=contracts.contracts,
    new_listing=contracts.new_listing,
    routes={
        "/api/v5/public/time": current.server_time,
        "/api/v5/public/instruments": instruments.instruments,
        "/api/v5/public/funding-rate": current.funding_rate,
        "/api/v5/public/funding-rate-history": history.funding_rate_history,
        "/api/v5/public/mark-price": current.mark_price,
        "/api/v5/public/open-interest": current.open_interest,
        "/api/v5/public/premium-history": history.premium_history,
        "/api/v5/market/tickers": current.tickers,
        "/api/v5/market/ticker": current.ticker,
        "/api/v5/market/index-tickers": current.index_tickers,
        "/api/v5/market/mark-price-candles": history.mark_candles,
        "/api/v5/market/history-mark-price-candles": history.old_mark_candles,
        "/api/v5/market/index-candles": history.index_candles,
        "/api/v5/market/history-index-candles": history.old_index_candles,
        "/api/v5/market/candles": history.trade_candles,
        "/api/v5/market/history-candles": history.old_trade_candles,
        "/api/v5/rubik/stat/contracts/open-interest-history": history.open_interest_history,
    },
    limiter=OkxLimiter,
    rows=_rows,
    unknown_path=_unknown_path,
    streams=STREAMS,
)
