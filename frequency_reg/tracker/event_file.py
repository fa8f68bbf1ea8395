"""An event file as TensorBoard reads it. Imports TensorBoard, so it is imported only where a run writes one."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.scalar.metadata import create_summary_metadata as scalar_metadata
from tensorboard.plugins.text.metadata import create_summary_metadata as text_metadata
from tensorboard.summary.writer.record_writer import RecordWriter

from frequency_reg.tracker.scalars import Scalar

_OURS = "frequency-reg"
"""End of the names of our event files: no other file in a run's folder is ever touched."""


class EventFile:
    """One event file, written by the calling thread.

    TensorBoard's own writer has a thread, whose failure (a full disk) would show as a traceback of its own.

    Source: TensorBoard's event protocol, ``tensorboard/compat/proto/{event,summary}.proto``.

    Args:
        folder: made if it is missing; event files of ours in it are emptied. A TensorBoard that has read them is told
            to forget them; if they were removed, it would wait for them and never read the new one.
        seconds: time of the first event, since 1970.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = list(folder.glob(f"events.out.tfevents.*.{_OURS}"))
        # TensorBoard reads a run's files in the order of their names.
        name = f"events.out.tfevents.{time.time_ns():019d}.{socket.gethostname()}.{os.getpid()}.{_OURS}"
        self._file = (folder / name).open("wb")
        self._records = RecordWriter(self._file)
        self._described: set[str] = set()
        self._write(Event(wall_time=seconds, file_version="brain.Event:2"))
        self._write(Event(wall_time=seconds, step=0, session_log=SessionLog(status=SessionLog.START)))
        self.flush()
        for file in earlier:
            os.truncate(file, 0)

    def scalars(self, scalars: Iterable[Scalar]) -> None:
        """Values as float32 (TensorBoard's loader passes over float64); each one's definition with its first value."""
        moments: dict[tuple[int, float], list[Scalar]] = {}
        for scalar in scalars:
            moments.setdefault((scalar.step, scalar.seconds), []).append(scalar)
        for (step, seconds), group in moments.items():
            self._write(Event(wall_time=seconds, step=step, summary=Summary(value=map(self._value, group))))

    def hyperparameters(self, values: Mapping[str, Any], *, group: str, seconds: float) -> None:
        """The configuration: numbers, truths and texts as they are, NULL as ``null``."""
        plain = {k: v if isinstance(v, bool | int | float | str) else "null" for k, v in values.items()}
        self._write(Event(wall_time=seconds, summary=hparams_pb(plain, trial_id=group, start_time_secs=seconds)))

    def session_end(self, *, succeeded: bool, seconds: float) -> None:
        """The end of the session that :meth:`hyperparameters` began."""
        status = STATUS_SUCCESS if succeeded else STATUS_FAILURE
        data = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=seconds))
        value = Summary.Value(
            tag=hparams_metadata.SESSION_END_INFO_TAG,
            metadata=hparams_metadata.create_summary_metadata(data),
            tensor=hparams_metadata.NULL_TENSOR,
        )
        self._write(Event(wall_time=seconds, summary=Summary(value=[value])))

    def text(self, name: str, text: str, *, step: int, seconds: float) -> None:
        """A text, which TensorBoard takes for Markdown: indented by four, it is shown letter by letter."""
        literal = "\n".join("    " + line for line in text.splitlines())
        tensor = TensorProto(dtype=DT_STRING, string_val=[literal.encode()])
        metadata = text_metadata(display_name=None, description=None)
        value = Summary.Value(tag=name, metadata=metadata, tensor=tensor)
        self._write(Event(wall_time=seconds, step=step, summary=Summary(value=[value])))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close; may be called more than once."""
        self._file.close()

    def _value(self, scalar: Scalar) -> Any:
        definition = "" if scalar.name in self._described else scalar.definition
        self._described.add(scalar.name)
        metadata = scalar_metadata(display_name=None, description=definition)
        tensor = TensorProto(dtype=DT_FLOAT, tensor_shape=TensorShapeProto(), float_val=[scalar.value])
        return Summary.Value(tag=scalar.name, metadata=metadata, tensor=tensor)

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())
