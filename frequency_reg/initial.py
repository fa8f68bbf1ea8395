"""A run that begins with the weights of another one: fine-tuning.

``initial_weights`` names the folder of a complete run. Its network, built as :mod:`frequency_reg.stored` builds it (no
code of the folder runs), is copied into the new one after the regularizers have prepared it:

    * what both have is taken over: weights, batch norm's statistics, the standardisation of the input (the network goes
      on as the function that it was, whatever data it is shown now), and masks that both have;
    * what only this run's regularizers added, such as masks, starts as they start it;
    * what the source's regularizers remember, buffers such as the vectors of ``spectral_norm``, is left behind where
      this run's have no such thing, or one of another shape;
    * anything else is another architecture, and refused: a tensor that is missing, left over or of another shape.

The run is another one than its source, with its own optimizer, epochs and random streams; epoch 0 is the network as it
was taken over, so that an SSR against ``init`` is against the source. The source's run id belongs to the run's
identity, its weights' digest to the records. A run that goes on from a checkpoint of its own does not read that of the
source.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from frequency_reg.config import Config, ConfigError
from frequency_reg.model.base import Model
from frequency_reg.run_id import matching
from frequency_reg.source import load_trained

KEY = "initial_weights"
_SHOWN = 3


def begin_with_initial_weights(model: Model, added: frozenset[str], config: Config, device: torch.device) -> str | None:
    """Copy the network that ``config.initial_weights`` names into ``model``; its weights' digest, None for none.

    Args:
        model: as the regularizers prepared it.
        added: names of the parameters that they added; the source may lack them.
        config: of the run.
        device: of ``model``.

    Raises:
        ConfigError: the pattern fits no folder or several, the folder holds no complete run with a whole checkpoint,
            or its network has another architecture. ``model`` is then as it was.
    """
    if config.initial_weights is None:
        return None
    folder = _one_folder(config.initial_weights)
    _, trained = load_trained(KEY, str(folder), config, device)
    ours = model.state_dict()
    left = {n for n in trained.memory if n not in ours or ours[n].shape != trained.model.get_buffer(n).shape}
    theirs = {name: value for name, value in trained.model.state_dict().items() if name not in left}
    _check_architecture(folder, theirs, ours, added)
    model.load_state_dict({**ours, **theirs})
    return trained.digest


def _one_folder(text: str) -> Path:
    found = matching(text)
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} runs ({', '.join(path.name for path in found[:_SHOWN])}{', ...' * (len(found) > _SHOWN)})"
    raise ConfigError(
        f"{KEY}={text}: {what if found else 'no run'} fits this pattern; expected exactly one. Write more of the name "
        "of the run's folder, outputs/NAME/RUN, or train it first"
    )


def _check_architecture(
    folder: Path, theirs: Mapping[str, Tensor], ours: Mapping[str, Tensor], added: frozenset[str]
) -> None:
    """Refuse a state that does not fit, naming the first tensors that do not."""
    wrong = [
        f"{name} is {_size(value)} there and {_size(ours[name])} here"
        for name, value in theirs.items()
        if name in ours and value.shape != ours[name].shape
    ]
    wrong += [f"{name} is only there" for name in theirs if name not in ours]
    wrong += [f"{name} is only here" for name in ours if name not in theirs and name not in added]
    if wrong:
        more = f", and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise ConfigError(
            f"{KEY}={folder}: another architecture: {'; '.join(wrong[:_SHOWN])}{more}. Give a run of the same model "
            "and number of classes; one with masks needs regularizer=spectral_mask with the same mask_shape and "
            "convolution"
        )


def _size(value: Tensor) -> str:
    return " x ".join(map(str, value.shape)) or "a scalar"
