"""Simulated Binance: USD-M futures and as much of spot as a basis needs."""

from typing import Any

from microstream_sim.binance import contracts, current, history, instruments, spot
from microstream_sim.binance.limits import BinanceLimiter
from microstream_sim.binance.streams import STREAMS
from microstream_sim.exchange import Exchange, VenueError


def _rows(body: Any) -> list[Any] | None:
    """Return the rows of a reply: a list, the symbols of exchangeInfo, or the reply itself as the one row."""
    if isinstance(body, dict):
        body = body.get("symbols", [body])
    return body if isinstance(body, list) else None


def _unknown_path(path: str, _now: int) -> VenueError:
    return VenueError(404, {"code": -5000, "msg": f"Path {path}, Method GET is invalid"})


BINANCE = Exchange(
    name="binance",
    key="symbol",
    contracts=contracts.contracts,
    new_listing=contracts.new_listing,
    routes={
        "/fapi/v1/time": current.server_time,
        "/fapi/v1/ping": current.ping,
        "/fapi/v1/exchangeInfo": instruments.exchange_info,
        "/fapi/v1/fundingInfo": instruments.funding_info,
        "/fapi/v1/premiumIndex": current.premium_index,
        "/fapi/v1/openInterest": current.open_interest,
        "/fapi/v1/ticker/24hr": current.ticker_24h,
        "/fapi/v1/ticker/bookTicker": current.ticker_book,
        "/fapi/v1/ticker/price": current.ticker_price,
        "/fapi/v2/ticker/price": current.ticker_price,
        "/fapi/v1/fundingRate": history.funding_rate,
        "/fapi/v1/klines": history.klines,
        "/fapi/v1/markPriceKlines": history.mark_klines,
        "/fapi/v1/indexPriceKlines": history.index_klines,
        "/fapi/v1/premiumIndexKlines": history.premium_klines,
        "/futures/data/openInterestHist": history.open_interest_history,
        "/api/v3/time": current.server_time,
        "/api/v3/ping": current.ping,
        "/api/v3/exchangeInfo": spot.exchange_info,
        "/api/v3/ticker/bookTicker": spot.book_ticker,
        "/api/v3/ticker/price": spot.price_ticker,
    },
    limiter=BinanceLimiter,
    rows=_rows,
    unknown_path=_unknown_path,
    streams=STREAMS,
)
