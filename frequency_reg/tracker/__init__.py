"""Trackers: what shows a run in somebody else's tool while it trains. The records stay the truth."""
