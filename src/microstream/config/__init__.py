"""The configuration: one YAML file and the environment, every key optional, every mistake with its line."""

from microstream.config.dump import dump
from microstream.config.load import Loaded, load
from microstream.config.model import Config
from microstream.config.units import seconds

__all__ = ["Config", "Loaded", "dump", "load", "seconds"]
