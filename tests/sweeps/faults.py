"""A regularizer that makes chosen runs fail in chosen ways, as a user's own package would define it."""

import os
import signal
import time
from pathlib import Path
from typing import Literal

import torch

from frequency_reg.regularizer.base import Regularizer

Fault = Literal["none", "not_a_number", "exception", "memory", "hang", "kill", "kill_once", "system_exit", "by_number"]


class Faults(Regularizer):
    """Fails at the first update; ``by_number`` in one of four ways for the last digits 0 to 3 of ``number``, else not.

    ``number`` only tells the other runs apart; ``marker`` is a file that ``kill_once`` leaves.
    """

    def __init__(self, *, fault: Fault, number: int = 0, marker: str = "") -> None:
        self.fault, self.number, self.marker = fault, number, marker

    def after_step(self, model, learning_rate):  # noqa: ARG002
        getattr(self, f"_{self.fault}")(model)

    def _none(self, model):
        pass

    def _by_number(self, model):
        ways = ("not_a_number", "exception", "memory", "hang")
        digit = self.number % 10
        if digit < len(ways):
            getattr(self, f"_{ways[digit]}")(model)

    def _not_a_number(self, model):
        with torch.no_grad():
            next(model.parameters()).fill_(float("nan"))

    def _exception(self, _model):
        raise RuntimeError("an injected exception")

    def _memory(self, _model):
        hoard = []
        while True:
            hoard.append(torch.ones(2**24))  # 64 MiB, touched

    def _hang(self, _model):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as code that is stuck in a library
        time.sleep(3600)

    def _kill(self, _model):
        os.kill(os.getpid(), signal.SIGKILL)

    def _kill_once(self, model):
        if not Path(self.marker).exists():
            Path(self.marker).touch()
            self._kill(model)

    def _system_exit(self, _model):
        os._exit(3)
