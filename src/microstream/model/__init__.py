"""What the words mean: structs and pure functions, no I/O."""
