"""Signals: what is computed of the published values. Definitions with their sources: docs/signals.md. Pure."""

NAMES = ("basis", "funding_spread", "funding_anomaly", "oi_regime", "squeeze", "liquidity")
"""The signals there are."""
