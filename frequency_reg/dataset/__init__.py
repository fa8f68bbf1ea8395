"""Data sets: decoded once, as uint8 tensors with a training, a validation and a test split."""
