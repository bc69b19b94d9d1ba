"""Bybit's envelope, its errors and its query parameters."""

from typing import Any

from microstream_sim.bybit.contracts import category as category_of
from microstream_sim.contracts import Contract
from microstream_sim.exchange import Query, VenueError, page_limit, whole_number
from microstream_sim.view import View

CATEGORIES = ("linear", "inverse", "spot", "option")


def ok(view: View, result: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope of a success; `time` is the venue's clock at the reply."""
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": view.clock}


def failure(clock: int, code: int, message: str, status: int = 200) -> VenueError:
    """Return a refusal; nearly all of Bybit's come with HTTP 200."""
    body = {"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": clock}
    return VenueError(status, body)


def bad_parameter(view: View, detail: str) -> VenueError:
    """Return the error for a wrong parameter."""
    return failure(view.clock, 10001, f"params error: {detail}")


def category(view: View, query: Query, *allowed: str) -> str:
    """Return the product category asked for, one of `allowed`."""
    value = query.get("category", "")
    if value not in CATEGORIES or (allowed and value not in allowed):
        raise bad_parameter(view, "Category is invalid")
    return value


def contract_of(view: View, query: Query, wanted: str) -> Contract:
    """Return the contract that `symbol` names within the category."""
    contract = view.contract(query.get("symbol", ""))
    if contract is None or category_of(contract) != wanted:
        raise bad_parameter(view, "Symbol Invalid")
    return contract


def moment(view: View, query: Query, name: str) -> int | None:
    """Return a time parameter in ms."""
    text = query.get(name)
    if text is None or text == "":
        return None
    time = whole_number(text)
    if time is None:
        raise bad_parameter(view, f"{name} is invalid")
    return time


def limit(view: View, query: Query, default: int, largest: int) -> int:
    """Return the page size."""
    rows = page_limit(query.get("limit"), default, largest)
    if rows is None:
        raise bad_parameter(view, "Limit is invalid")
    return rows
