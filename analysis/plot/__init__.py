"""Plots: each file holds one, a function from a computed frame to a matplotlib figure. No statistics are made here."""
