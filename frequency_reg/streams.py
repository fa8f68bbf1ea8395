"""Named random streams: every use of randomness has its own seed, derived from the run's seed and the use's name.

No stream depends on how much another one has drawn, and the per-epoch streams depend on the epoch alone, so that a
resumed run needs no generator state and two runs that differ in a regularizer share their initialisation and data
order.
"""

from __future__ import annotations

import hashlib


def stream_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the stream ``names`` of a run with ``seed`` (first bytes of a SHA-256)."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
