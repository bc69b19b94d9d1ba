"""Simulated Bybit: linear and inverse contracts and as much of spot as a basis needs."""

from typing import Any

from microstream_sim.bybit import contracts, current, history, instruments
from microstream_sim.bybit.limits import BybitLimiter
from microstream_sim.bybit.replies import failure
from microstream_sim.bybit.streams import STREAMS
from microstream_sim.exchange import Exchange, VenueError


def _rows(body: Any) -> list[Any] | None:
    """Return the rows of `result.list`."""
    rows = body.get("result", {}).get("list") if isinstance(body, dict) else None
    return rows if isinstance(rows, list) else None


def _unknown_path(_path: str, now: int) -> VenueError:
    return failure(now, 10017, "Route not found.", status=404)


BYBIT = Exchange(
    name="bybit",
    key="symbol",
    contracts=contracts.contracts,
    new_listing=contracts.new_listing,
    routes={
        "/v5/market/time": current.server_time,
        "/v5/market/tickers": current.tickers,
        "/v5/market/instruments-info": instruments.instruments_info,
        "/v5/market/funding/history": history.funding_history,
        "/v5/market/open-interest": history.open_interest,
        "/v5/market/mark-price-kline": history.mark_kline,
        "/v5/market/index-price-kline": history.index_kline,
        "/v5/market/premium-index-price-kline": history.premium_kline,
        "/v5/market/kline": history.kline,
    },
    limiter=BybitLimiter,
    rows=_rows,
    unknown_path=_unknown_path,
    streams=STREAMS,
)
