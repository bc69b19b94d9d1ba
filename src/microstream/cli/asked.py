"""What `microstream history` is asked for."""

from dataclasses import dataclass
from pathlib import Path

from microstream.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for, checked as far as that goes without the tables; times are ms UTC."""

    kind: str | None
    instrument: str | None
    exchange: str | None
    start: int | None
    end: int | None
    as_of: int | None
    every: str
    form: str
    output: Path | None
    limit: int | None
    recorded: bool
    name: str | None
    timeframe: str | None
    everything: bool
    url: str
    now: int
    config: Config
