"""Ready-made replies of the venues for faults of kind `status`, by name."""

from collections.abc import Callable
from typing import Any

from microstream_sim.binance.limits import banned
from microstream_sim.bybit.limits import access_too_frequent
from microstream_sim.exchange import VenueError
from microstream_sim.faults import Fault, ReadyMade

HTML_ERROR = "<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
_GEO_TEXT = (
    "Service unavailable from a restricted location according to the terms of use. "
    "Please contact customer service if you believe you received this message in error."
)


def ready_made(fault: Fault, venue: str, now: int) -> VenueError:
    """Return the reply of a `status` fault."""
    if fault.name is None:
        return VenueError(fault.status or 500, fault.body, fault.headers)
    return _BY_NAME[fault.name](fault, venue, now)


def _rate_limited(fault: Fault, venue: str, now: int) -> VenueError:
    """429 in the venue's words; Binance adds Retry-After: `seconds`, or until the next minute."""
    if venue == "okx":
        return VenueError(429, {"code": "50011", "msg": "Too Many Requests", "data": []})
    if venue == "bybit":
        message = "Too many visits!"
        return VenueError(429, _bybit(10006, message, now))
    seconds = 60 - now // 1000 % 60 if fault.seconds is None else round(fault.seconds)
    message = "Too many requests; current limit of IP(127.0.0.1) is 2400 request weight per minute."
    return VenueError(429, {"code": -1003, "msg": message}, {"Retry-After": str(seconds)})


def _banned(fault: Fault, venue: str, now: int) -> VenueError:
    """418 with the end of the ban in its message; Bybit's and OKX's nearest are a 403 and a 429."""
    if venue == "bybit":
        return access_too_frequent(now)
    if venue == "okx":
        return _rate_limited(fault, venue, now)
    seconds = 120 if fault.seconds is None else round(fault.seconds)
    refusal = banned(now + 1000 * seconds)
    refusal.headers["Retry-After"] = str(seconds)
    return refusal


def _waf(_fault: Fault, _venue: str, _now: int) -> VenueError:
    return VenueError(403, HTML_ERROR.format(title="403 Forbidden"))


def _geo(_fault: Fault, _venue: str, _now: int) -> VenueError:
    return VenueError(451, {"code": 0, "msg": _GEO_TEXT})


def _server_error(fault: Fault, _venue: str, _now: int) -> VenueError:
    status = fault.code or 502
    titles = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Temporarily Unavailable"}
    return VenueError(status, HTML_ERROR.format(title=f"{status} {titles.get(status, 'Error')}"))


def _okx_limited_ok(_fault: Fault, _venue: str, _now: int) -> VenueError:
    return VenueError(200, {"code": "50011", "msg": "Too Many Requests", "data": []})


def _venue_code(fault: Fault, venue: str, now: int) -> VenueError:
    """HTTP 200 with an error code in the body."""
    code = fault.code or 0
    if venue == "bybit":
        return VenueError(200, _bybit(code, "error", now))
    if venue == "okx":
        return VenueError(200, {"code": str(code), "msg": "error", "data": []})
    return VenueError(200, {"code": code, "msg": "error"})


def _bybit(code: int, message: str, now: int) -> dict[str, Any]:
    return {"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": now}


_BY_NAME: dict[ReadyMade, Callable[[Fault, str, int], VenueError]] = {
    "rate_limited": _rate_limited,
    "banned": _banned,
    "waf_403_html": _waf,
    "geo_451": _geo,
    "access_too_frequent": lambda _fault, _venue, now: access_too_frequent(now),
    "okx_50011_200": _okx_limited_ok,
    "venue_code": _venue_code,
    "server_error": _server_error,
}
