"""Published numbers, each with its source, and how ours stand beside them."""
