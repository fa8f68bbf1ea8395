"""The contract of a rule that ends a run before its last epoch, such as the pruning of a search.

The configuration's key ``pruning`` names such a rule by ``_target_``. It says how a search uses a run, not what the run
is: it is no part of the run's identity, and the same configuration without it goes on from the last checkpoint.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal

Metric = Literal["validation_accuracy", "validation_loss"]


class StoppingRule(ABC):
    """Looks at a run's validation metric after every epoch.

    Attributes:
        metric: column of the ``epochs`` table that the rule looks at; validation data only.
    """

    metric: Metric

    @abstractmethod
    def reason(self, values: Mapping[int, float]) -> str | None:
        """Why the run is to end now, in one line, or None.

        Args:
            values: ``metric`` after every epoch so far, by epoch, from 1 on; the last one is new. A resumed run asks
                again for the epoch of its checkpoint. The answer must be a function of ``values`` and of what the rule
                was built with.
        """
