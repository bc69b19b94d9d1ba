"""Query parameters of Binance's endpoints, and the errors it answers to wrong ones."""

from microstream_sim.contracts import Contract
from microstream_sim.exchange import Query, VenueError, whole_number
from microstream_sim.view import View

MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480,
    "12h": 720, "1d": 1_440, "3d": 4_320, "1w": 10_080,
}  # fmt: skip


def error(code: int, message: str, status: int = 400) -> VenueError:
    """Return a refusal with Binance's error body."""
    return VenueError(status, {"code": code, "msg": message})


def invalid_symbol() -> VenueError:
    """Return the error for a symbol that is not listed."""
    return error(-1121, "Invalid symbol.")


def required(query: Query, name: str) -> str:
    """Return a mandatory parameter."""
    value = query.get(name, "")
    if not value:
        message = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        raise error(-1102, message)
    return value


def contract_of(view: View, symbol: str) -> Contract:
    """Return the listed contract of that symbol."""
    contract = view.contract(symbol)
    if contract is None:
        raise invalid_symbol()
    return contract


def moment(query: Query, name: str) -> int | None:
    """Return a time parameter in ms."""
    text = query.get(name)
    if text is None or text == "":
        return None
    time = whole_number(text)
    if time is None:
        message = f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
        raise error(-1100, message)
    return time


def bounds(query: Query) -> tuple[int | None, int | None]:
    """Return startTime and endTime, both inclusive."""
    start, end = moment(query, "startTime"), moment(query, "endTime")
    if start is not None and end is not None and start > end:
        raise error(-1023, "Start time is greater than end time.")
    return start, end


def limit(query: Query, default: int, largest: int) -> int:
    """Return the page size."""
    value = moment(query, "limit")
    if value is None:
        return default
    if not 1 <= value <= largest:
        raise error(-1130, "Data sent for parameter 'limit' is not valid.")
    return value
