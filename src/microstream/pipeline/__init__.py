"""The pure core: events in, messages out. Synchronous; no clock, no I/O."""
