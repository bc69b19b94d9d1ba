"""What the service costs: each module runs alone and prints a plain table. `python -m benchmarks [NAME]`."""
