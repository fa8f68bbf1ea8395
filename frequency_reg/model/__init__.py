"""Models: image classifiers that take pixels in [0, 1] and normalise inside."""
