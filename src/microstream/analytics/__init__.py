"""Analytics: bars and signals, made of the messages that are published. Messages in, messages out; pure."""
