"""The only place that knows everything: wiring, supervision, the registry and the plan."""
