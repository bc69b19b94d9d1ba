"""The simulated exchanges, in the order of their ports."""

from microstream_sim.binance import BINANCE
from microstream_sim.bybit import BYBIT
from microstream_sim.exchange import Exchange
from microstream_sim.okx import OKX

VENUES: dict[str, Exchange] = {one.name: one for one in (BINANCE, BYBIT, OKX)}
