"""Spectral norm regularization (Yoshida and Miyato 2017): a penalty on the largest singular value of every layer.

::

    loss + lambda / 2 sum_l sigma(W_l)^2            sigma(W) = max_x ||W x|| / ||x||

The gradient of the term is ``lambda sigma u v^T`` with u and v the leading singular vectors. They are followed by power
iteration, which goes on where the last update left it::

    u <- W v / ||W v||        v <- W^T u / ||W^T u||        sigma = u^T W v
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn
from torch.nn import functional as F

from frequency_reg.model.base import Model, trace_shapes
from frequency_reg.regularizer.base import Regularizer
from frequency_reg.regularizer.weight_layers import is_plain, weight_layers

NormOf = Literal["matrix", "operator"]

WARM_UP = 20
"""Power iterations before training, and before a norm is reported; they change nothing that training sees."""

_VECTOR = "spectral_norm_vector"


class SpectralNorm(Regularizer):
    """Adds ``lambda / 2 sum sigma^2`` over all convolutions and fully connected layers; masks are not touched.

    ``matrix`` takes a convolution's weight as the matrix (out, in k k), as the source does (section 3) and as Miyato et
    al. 2018 do when they divide by this norm. That matrix is not the map that an image meets: the convolution's own
    norm is at most k times as high (stride 1). ``operator`` is the norm of the layer itself, stride and zero padding
    included, on inputs of the size that it gets; its power iteration convolves one image forward and back.

    A penalty and not a division by sigma: its strength goes to 0, where nothing is changed. Before a norm layer sigma
    can be lowered with no change of the function, by making all filters smaller.

    Source: Yoshida and Miyato 2017, "Spectral Norm Regularization for Improving the Generalizability of Deep Learning",
    equation 3 and algorithm 1; their lambda is .01. Deviations: v has made 20 iterations on the layer's first weights
    before training begins (also where ``initial_weights`` then replaces these); ``operator``.

    The vectors v are buffers of the layers (``spectral_norm_vector``), so that an interrupted run goes on with them.

    Args:
        spectral_norm: lambda; 0 equals ``regularizer=none`` bit for bit.
        spectral_norm_of: ``matrix`` or ``operator``.
        power_iterations: before each update.

    Reports per layer ``spectral_norm``, sigma after 20 more iterations.

    Raises:
        ValueError: from :meth:`prepare`, ``operator`` of a convolution with groups, dilation or padding with other than
            zeros.
    """

    def __init__(
        self,
        *,
        spectral_norm: Annotated[float, Ge(0), Le(100)],
        spectral_norm_of: NormOf,
        power_iterations: Annotated[int, Ge(1), Le(100)],
    ) -> None:
        self.strength = spectral_norm
        self.of = spectral_norm_of
        self.iterations = power_iterations
        self._inputs: dict[str, tuple[int, ...]] = {}

    def prepare(self, model: Model) -> Model:
        """Give every layer its vector v."""
        if self.strength == 0:
            return model
        self._inputs = {name: shapes.entering for name, shapes in trace_shapes(model, weight_layers(model)).items()}
        for name in self._inputs:
            module = model.get_submodule(name)
            if self.of == "operator" and isinstance(module, nn.Conv2d) and not is_plain(module):
                raise ValueError(
                    f"regularizer.spectral_norm_of=operator: {name} is {module}; groups, dilation and padding with "
                    "other than zeros are not supported; use regularizer.spectral_norm_of=matrix"
                )
            layer = self._layer(model, name)
            start = torch.randn(layer.input_shape or layer.weight.shape[1:], device=layer.weight.device)
            module.register_buffer(_VECTOR, layer.follow(start, WARM_UP)[1])
        return model

    def penalty(self, model: Model) -> Tensor | None:
        """See the module's formula; moves every v on."""
        if self.strength == 0:
            return None
        squares = []
        for name in self._inputs:
            layer, vector = self._layer(model, name), model.get_buffer(f"{name}.{_VECTOR}")
            u, v = layer.follow(vector, self.iterations)
            vector.copy_(v)
            squares.append((u * layer.apply(v)).sum().square())
        return self.strength / 2 * torch.stack(squares).sum()

    def report(self, model: Model) -> Iterator[tuple[str, str, float]]:
        """The norm of every layer."""
        for name in self._inputs:
            layer = self._layer(model, name)
            u, v = layer.follow(model.get_buffer(f"{name}.{_VECTOR}"), WARM_UP)
            yield name, "spectral_norm", float((u * layer.apply(v).detach()).sum())

    def _layer(self, model: Model, name: str) -> _Layer:
        module = model.get_submodule(name)
        weight: Tensor = module.weight  # type: ignore[assignment]
        if self.of == "operator" and isinstance(module, nn.Conv2d):
            padding = (int(module.padding[0]), int(module.padding[1]))
            return _Layer(weight, self._inputs[name], (module.stride[0], module.stride[1]), padding)
        return _Layer(weight.flatten(1), None, (1, 1), (0, 0))


class _Layer(NamedTuple):
    """A linear map: a matrix (out, in), or with an ``input_shape`` (C, H, W) the convolution of one such input."""

    weight: Tensor
    input_shape: tuple[int, ...] | None
    stride: tuple[int, int]
    padding: tuple[int, int]

    def apply(self, x: Tensor) -> Tensor:
        """W x."""
        if self.input_shape is None:
            return self.weight @ x
        return F.conv2d(x[None], self.weight, stride=self.stride, padding=self.padding)[0]

    def adjoint(self, y: Tensor) -> Tensor:
        """W^T y."""
        if self.input_shape is None:
            return self.weight.T @ y
        sizes = zip(self.input_shape[1:], y.shape[1:], self.weight.shape[2:], self.stride, self.padding, strict=True)
        unseen = [n - ((m - 1) * s + k - 2 * p) for n, m, k, s, p in sizes]  # pixels that the last stride leaves over
        return F.conv_transpose2d(
            y[None], self.weight, stride=self.stride, padding=self.padding, output_padding=unseen
        )[0]

    @torch.no_grad()
    def follow(self, v: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
        """The singular vectors u and v after so many power iterations from v."""
        for _ in range(iterations):
            u = _unit(self.apply(v))
            back = _unit(self.adjoint(u))
            v = torch.where(back.any(), back, v)  # a weight of zeros has no direction: keep one for when it has
        return u, v


def _unit(x: Tensor) -> Tensor:
    """x / ||x||, 0 for 0; scaled first, or the squares of small values would be 0."""
    scaled = x / x.abs().amax().clamp_min(torch.finfo(x.dtype).tiny)
    unit: Tensor = scaled / torch.linalg.vector_norm(scaled).clamp_min(torch.finfo(x.dtype).tiny)
    return unit
