"""Simulated venues: Binance USD-M, Bybit v5 and OKX v5 over real HTTP, with known truth and scripted faults.

Written from the venues' documents alone; it shares no code with the service that reads it.
"""

from microstream_sim.clock import SettableClock
from microstream_sim.market import Market
from microstream_sim.server import SimOptions, SimServer

__all__ = ["Market", "SettableClock", "SimOptions", "SimServer"]
