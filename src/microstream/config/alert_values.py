"""What the keys of a rule or delivery may hold, one by one."""

import re
from collections.abc import Callable
from contextlib import suppress
from math import isfinite
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, StringConstraints

from microstream.config import alert_mistakes as said
from microstream.config.section import Duration, lower_case
from microstream.config.units import at_least
from microstream.model import paths
from microstream.model.hours import DailyHours

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
NOT_HERE = (
    "a URL of a service is a secret: put it into an environment variable, and the name of the variable here, as"
    " url_env: TELEGRAM_URL"
)


def _texts(example: str, *, may_be_empty: bool = False) -> Callable[[object], object]:
    """Return a validator: text is one element, or several with commas between."""

    def check(raw: object) -> object:
        found = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(found, list | tuple):
            raise ValueError(f"is no list; write for example [{example}]")  # noqa: TRY004  # pydantic reads no other
        if not found and not may_be_empty:
            raise ValueError(f"is empty; write for example [{example}]")
        return tuple(part.strip() if isinstance(part, str) else part for part in found)

    return check


def _path(text: str) -> str:
    paths.parse(text)
    return text


def _hours(text: str) -> str:
    return str(DailyHours.parse(text))


def _scalar(raw: object) -> str | float | bool:
    if isinstance(raw, bool | str):
        return raw
    if isinstance(raw, int | float):
        with suppress(OverflowError):
            if isfinite(raw):
                return float(raw)
    raise ValueError("is neither text nor a number, true or false")


def _allowed(raw: object) -> tuple[str | float | bool | None, ...]:
    values = raw if isinstance(raw, list | tuple) else [raw]
    if not values:
        raise ValueError("is empty; name at least one value")
    return tuple(None if value is None else _scalar(value) for value in values)


def _true(raw: object) -> Literal[True]:
    if raw is not True:
        raise ValueError("takes true alone")
    return True


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError(f"is not the name of an environment variable; {NOT_HERE}")
    if text.upper().startswith("MICROSTREAM_"):
        raise ValueError("begins with MICROSTREAM_, as settings do; choose another name for the variable")
    return text


Globs = Annotated[
    tuple[Annotated[str, AfterValidator(said.glob)], ...], BeforeValidator(_texts("signal:basis:*"))
]
PathText = Annotated[str, AfterValidator(_path)]
PathTexts = Annotated[tuple[PathText, ...], BeforeValidator(_texts("kind, about", may_be_empty=True))]
HoursText = Annotated[str, AfterValidator(_hours)]
Hours = Annotated[
    tuple[HoursText, ...], BeforeValidator(_texts("22:00-07:00 Europe/Berlin", may_be_empty=True))
]
Number = Annotated[float, Field(allow_inf_nan=False)]
Scalar = Annotated[str | float | bool, PlainValidator(_scalar)]
Allowed = Annotated[tuple[str | float | bool | None, ...], PlainValidator(_allowed)]
Template = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(said.template)]
Severity = Annotated[Literal["info", "warning", "critical"], BeforeValidator(lower_case)]
Lasting = Annotated[Duration, at_least("1s")]
Truth = Annotated[Literal[True], PlainValidator(_true)]
Variable = Annotated[str, AfterValidator(_variable)]
