"""frequency-reg: what a regularizer does to the frequency content of a network, and what that costs.

Importing this package is cheap: nothing here imports torch or Hydra.
"""

__version__ = "0.1.0"
