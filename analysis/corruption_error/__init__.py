"""Corruption error and mCE: the formulas, which images are the benchmark's, and the answer as a table."""
