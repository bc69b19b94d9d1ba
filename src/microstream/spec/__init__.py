"""What a venue must declare: frozen dataclasses and protocols, no I/O."""
