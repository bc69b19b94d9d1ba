"""Alerts: rules over every message (pure), and their deliveries through a notification library."""
