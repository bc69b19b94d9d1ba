"""WebSocket side of the simulated venues: connections, topics, the pusher and the faults of frames."""
