"""Spectral norm of every fully connected layer, and their product, over training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

import pyarrow as pa
import torch
from annotated_types import Ge
from torch import Tensor, nn

from frequency_reg.probe.base import Probe, Rows
from frequency_reg.records import field
from frequency_reg.spectrum.matrix_norm import spectral_norm
from frequency_reg.streams import stream_seed


class LayerNorms(Probe):
    """Writes ``layer_norms``: largest singular value of each ``nn.Linear``, running product, largest parameter.

    The product over all layers of a ReLU network bounds its Lipschitz constant, and with it how large its Fourier
    coefficients can be (theorem 1 and lemma 1)::

        |f~(k)| = O(|k|^-(d + 1) L_f),        L_f <= prod |W_l|_2 <= |theta|_inf^(depth + 1) sqrt(d) prod width_l

    Biases count for |theta|_inf only. Convolutions are left out: :mod:`frequency_reg.probe.operator_spectrum` measures
    them. Power iteration starts from a random vector and later from what it found last (``state_dict``).

    Source: Rahaman et al. 2019, "On the Spectral Bias of Neural Networks", section 2 and figure 1. Deviation: power
    iteration on W^T W (:func:`frequency_reg.spectrum.matrix_norm.spectral_norm`); the published notebook iterates W
    itself and reports norms about 256 times too large.

    Args:
        every: measured at epoch 0, every so many epochs, and after the last one.
        start_seed: seed of the first start vectors.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "layer_norms": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("layer", pa.string(), "module path of the fully connected layer"),
                field("depth", pa.int32(), "its place among them, 0 is the first"),
                field("spectral_norm", pa.float64(), "largest singular value of the weight"),
                field("product", pa.float64(), "product of the spectral norms of this layer and those before"),
                field("largest_parameter", pa.float64(), "largest absolute weight or bias of the layer"),
            ]
        )
    }

    def __init__(self, *, every: Annotated[int, Ge(1)], start_seed: Annotated[int, Ge(0)]) -> None:
        self.every = every
        self.start_seed = start_seed
        self._starts: dict[str, Tensor] = {}

    @torch.no_grad()
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """See :meth:`Probe.measure`."""
        layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
        if not layers:
            return
        norms = []
        for name, layer in layers.items():
            found = spectral_norm(layer.weight, self._starts.get(name, self._first(name, layer)))
            self._starts[name] = found.vector
            norms.append(found.value)
        yield (
            "layer_norms",
            {
                "epoch": epoch,
                "layer": list(layers),
                "depth": list(range(len(layers))),
                "spectral_norm": norms,
                "product": torch.tensor(norms, dtype=torch.float64).cumprod(0).tolist(),
                "largest_parameter": [
                    max(float(parameter.abs().max()) for parameter in layer.parameters()) for layer in layers.values()
                ],
            },
        )

    def _first(self, name: str, layer: nn.Linear) -> Tensor:
        generator = torch.Generator().manual_seed(stream_seed(self.start_seed, name))
        return torch.randn(layer.in_features, generator=generator, dtype=torch.float64)

    def state_dict(self) -> dict[str, Tensor]:
        """Right singular vectors by layer."""
        return dict(self._starts)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """See :meth:`Probe.load_state_dict`."""
        self._starts = {name: vector.cpu() for name, vector in state.items()}
