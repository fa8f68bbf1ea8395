"""A run in TensorBoard, written while it trains: ``tensorboard --logdir outputs/NAME/.tensorboard``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frequency_reg.tracker.base import Origin, require
from frequency_reg.tracker.scalars import Layers, Scalar, ScalarTracker

if TYPE_CHECKING:
    from frequency_reg.tracker.event_file import EventFile


class TensorBoard(ScalarTracker):
    """Writes one event file: scalars, the configuration as hyperparameters, identity and status as texts.

    Values are those of the records as float32, which is all that TensorBoard shows. A run that is taken up again is
    written anew from its records, into a new file; the old one is emptied. TensorFlow is not needed.

    Source: https://www.tensorflow.org/tensorboard

    Args:
        folder: in which each sweep has a folder and each run one in that; None is ``.tensorboard`` in the sweep's own.
        layers: whose SSR and spectra are shown: ``ends`` or ``all``.
    """

    def __init__(self, *, folder: str | None, layers: Layers) -> None:
        require("tensorboard", ["tensorboard"])
        super().__init__(layers=layers)
        self.folder = folder
        self._file: EventFile | None = None

    def run_folder(self, origin: Origin) -> Path:
        """Where the run's event file is."""
        if self.folder is None:
            return origin.sweep / ".tensorboard" / origin.run_name
        return Path(self.folder) / origin.sweep.name / origin.run_name

    def open(self, origin: Origin) -> None:
        """See :meth:`ScalarTracker.open`."""
        from frequency_reg.tracker.event_file import EventFile

        self.close()
        self._file = EventFile(self.run_folder(origin), origin.started)
        self._file.hyperparameters(origin.config, group=origin.run_id, seconds=origin.started)
        for name, text in (("run_id", origin.run_id), ("run_name", origin.run_name), ("status", "running")):
            self._file.text(f"run/{name}", text, step=0, seconds=origin.started)
        self._file.flush()

    def log(self, scalars: Sequence[Scalar]) -> None:
        """See :meth:`ScalarTracker.log`."""
        assert self._file is not None
        self._file.scalars(scalars)
        self._file.flush()

    def conclude(self, row: Mapping[str, Any], scalars: Sequence[Scalar], seconds: float) -> None:
        """See :meth:`ScalarTracker.conclude`."""
        assert self._file is not None
        self._file.scalars(scalars)
        status, detail = str(row["status"]), row.get("status_detail")
        after = int(row.get("epoch") or 0) + 1  # the text of step 0 says that it runs
        self._file.text("run/status", f"{status}: {detail}" if detail else status, step=after, seconds=seconds)
        self._file.session_end(succeeded=status == "complete", seconds=seconds)
        self.close()

    def close(self) -> None:
        """See :meth:`Tracker.close`."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
