"""Regularizers: what acts on a model, its parameters, its inputs or its loss while it trains."""
