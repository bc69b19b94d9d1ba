"""OKX's envelope, its errors and its query parameters."""

from typing import Any

from microstream_sim.contracts import Contract
from microstream_sim.exchange import Query, VenueError, page_limit, whole_number
from microstream_sim.view import View

INST_TYPES = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION")


def ok(rows: list[Any]) -> dict[str, Any]:
    """Return the envelope of a success."""
    return {"code": "0", "msg": "", "data": rows}


def failure(code: str, message: str, status: int = 400) -> VenueError:
    """Return a refusal in OKX's envelope."""
    return VenueError(status, {"code": code, "msg": message, "data": []})


def missing(name: str) -> VenueError:
    """Return the error for a mandatory parameter that was not sent."""
    return failure("50014", f"Parameter {name} cannot be empty.")


def wrong(name: str) -> VenueError:
    """Return the error for a parameter with an impossible value."""
    return failure("51000", f"Parameter {name} error")


def unknown_instrument() -> VenueError:
    """Return the error for an instrument that is not listed; it comes with HTTP 200."""
    return failure("51001", "Instrument ID does not exist", status=200)


def inst_type(query: Query, *allowed: str) -> str:
    """Return the mandatory `instType`, one of `allowed`."""
    value = query.get("instType", "")
    if not value:
        raise missing("instType")
    if value not in (allowed or INST_TYPES):
        raise wrong("instType")
    return value


def contract_of(view: View, query: Query) -> Contract:
    """Return the listed contract that `instId` names; preopen rows have no data behind them."""
    symbol = query.get("instId", "")
    if not symbol:
        raise missing("instId")
    contract = view.contract(symbol)
    if contract is None or contract.status == "preopen":
        raise unknown_instrument()
    return contract


def moment(query: Query, name: str) -> int | None:
    """Return a time parameter in ms."""
    text = query.get(name)
    if text is None or text == "":
        return None
    time = whole_number(text)
    if time is None:
        raise wrong(name)
    return time


def limit(query: Query, default: int, largest: int) -> int:
    """Return the page size."""
    rows = page_limit(query.get("limit"), default, largest)
    if rows is None:
        raise wrong("limit")
    return rows


def older_and_newer(query: Query, now: int) -> tuple[int, int]:
    """Return the window (since, until), inclusive, that `before` and `after` ask for.

    OKX's words: `after` wants rows older than it, `before` rows newer than it, both exclusive.
    """
    after, before = moment(query, "after"), moment(query, "before")
    until = now if after is None else min(now, after - 1)
    return (0 if before is None else before + 1), until
