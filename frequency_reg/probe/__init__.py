"""Probes: what is measured on a model at step 0 and after every epoch."""
