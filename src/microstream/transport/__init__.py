"""Network clients: they know what a venue declares, never which venue it is."""
