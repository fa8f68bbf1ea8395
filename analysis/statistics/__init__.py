"""Statistics over seeds: intervals, paired differences with effect sizes, Holm's correction, what may be marked best.

The seed is the replication unit: a value is one number a seed, and n is the number of seeds. Missing values stay
missing and do not count. Two more spreads stand beside that of the seeds: :mod:`analysis.statistics.sampling_error`
(test images) and :mod:`analysis.statistics.null_position` (random initialisations).
``tests/analysis/statistics/test_simulation.py`` measures what each of these procedures promises.
"""

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
ALPHA = 0.05

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.integer]
