"""Corruptions: batched, seeded perturbations of images in [0, 1]."""
