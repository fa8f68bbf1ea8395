"""What a mask on a convolution's spectrum costs: time and memory beside the plain convolution, and folded into one.

python benchmarks/mask_layer.py [--turns 7] [--batch 128] [--device cuda]

Layers of ResNet-20 (16, 32, 64 channels at 32, 16, 8 px) and of ResNet-18's last stage (512 channels at 4 px), 3 x 3,
float32, forward and backward in training, forward alone in evaluation. Each turn times every layer once, plain and
masked one after the other, so that a machine that slows down slows both; the table has medians over turns. Memory is
what autograd keeps between the passes. "folded" is the mask multiplied into the weights: a convolution with a kernel of
the DFT's size on the image padded around, in evaluation, which gives the same output.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frequency_reg.regularizer.spectral_mask import MaskedConv2d

LAYERS = ((16, 32), (32, 16), (64, 8), (64, 4), (512, 4))
"""Channels in and out, and side of the image."""
OPTIONS = {"mask_shape": "per_channel", "mask_values": "binary", "mask_gradient": "binary", "random_drop": 0.0}
FOLDED_UP_TO = 8
"""Largest image that folding is tried on: at 16 px the kernel has 36 times the values of the 3 x 3 one."""


@dataclass
class Case:
    """A layer, its variants, and seconds of each, turn after turn."""

    channels: int
    side: int
    batch: int
    device: torch.device
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        size = (self.batch, self.channels, self.side, self.side)
        x = torch.randn(size, device=self.device)
        self.x = x.contiguous(memory_format=torch.channels_last).requires_grad_(True)
        plain = nn.Conv2d(self.channels, self.channels, 3, padding=1, bias=False)
        plain = plain.to(device=self.device, memory_format=torch.channels_last)
        layers: dict[str, nn.Module] = {"plain": plain}
        for kind in ("linear", "circular"):
            masked = MaskedConv2d(plain, (self.side, self.side), convolution=kind, **OPTIONS)
            layers[kind] = masked.to(self.device)
            nn.init.normal_(layers[kind].mask, 0.8, 0.2)
        self.layers = layers
        if self.side <= FOLDED_UP_TO:
            self.folded = folded(layers["linear"])
            with torch.no_grad():
                difference = float((self.folded(self.x) - layers["linear"](self.x)).abs().max())
            assert difference < 1e-3, f"folding changed the output by {difference}"

    def turn(self) -> None:
        """Time every variant once."""
        for name, layer in self.layers.items():
            self._time(f"{name} both", lambda layer=layer: layer.train()(self.x).square().mean().backward())
            self._time(f"{name} forward", lambda layer=layer: _quietly(layer.eval(), self.x))
        if self.side <= FOLDED_UP_TO:
            self._time("folded forward", lambda: _quietly(self.folded, self.x))

    def _time(self, name: str, call: Callable[[], object]) -> None:
        self._finish()
        started = time.perf_counter()
        call()
        self._finish()
        self.seconds.setdefault(name, []).append(time.perf_counter() - started)

    def _finish(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def median(self, name: str) -> float:
        """Median seconds over the turns but the first, which warms up."""
        return statistics.median(self.seconds[name][1:])


def _quietly(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.no_grad():
        return layer(x)


def folded(masked: MaskedConv2d) -> Callable[[Tensor], Tensor]:
    """The masked layer (linear, stride 1) as one convolution with a kernel of the DFT's size, periodic in it."""
    n_h, n_w = masked.fft_size
    mask = (masked.tied_mask().detach() >= 0.5).float()
    spectrum = torch.fft.rfft2(masked.weight.detach().flip(2, 3), s=(n_h, n_w))  # torch correlates; this convolves
    kernel = torch.fft.irfft2(spectrum * mask[:, None], s=(n_h, n_w)).flip(2, 3).contiguous()
    (k, _), (p, _), side = masked.kernel_size, masked.pad, masked.input_size[0]

    def layer(x: Tensor) -> Tensor:
        around = F.pad(x, (0, n_w - side, 0, n_h - side))
        around = F.pad(around, (n_w - 1, 0, n_h - 1, 0), mode="circular")
        start = k - 1 - p
        return F.conv2d(around[..., start : start + side + n_h - 1, start : start + side + n_w - 1], kernel)

    return layer


def kept_bytes(layer: nn.Module, x: Tensor) -> int:
    """Bytes of tensors that autograd keeps for the backward pass, parameters and the input left out."""
    known = {x.data_ptr(), *(p.data_ptr() for p in layer.parameters())}
    found: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in known:
            found[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        layer.train()(x)
    return sum(found.values())


def table(cases: list[Case], where: str) -> None:
    """Print milliseconds of the plain layers and ratios to them."""
    print(f"{where}; ms of the plain layer, ratios to it of the others")
    print("channels  px  | train ms  linear  circular | eval ms  linear  circular  folded | kept MiB: linear  circular")
    for case in cases:
        both, forward = case.median("plain both"), case.median("plain forward")
        train = [case.median(f"{kind} both") / both for kind in ("linear", "circular")]
        evaluate = [case.median(f"{kind} forward") / forward for kind in ("linear", "circular")]
        fold = f"{case.median('folded forward') / forward:6.1f}" if "folded forward" in case.seconds else "     –"
        kept = [kept_bytes(case.layers[kind], case.x) / 2**20 for kind in ("linear", "circular")]
        print(
            f"{case.channels:8d} {case.side:3d}  | {1e3 * both:8.1f} {train[0]:7.2f} {train[1]:9.2f} | "
            f"{1e3 * forward:7.1f} {evaluate[0]:7.2f} {evaluate[1]:9.2f}  {fold} | {kept[0]:16.1f} {kept[1]:9.1f}"
        )


def main() -> None:
    """Measure on a GPU, or on the CPU with one thread and with two."""
    parser = argparse.ArgumentParser(description="Cost of a masked convolution beside the plain one.")
    parser.add_argument("--turns", type=int, default=7, help="timed turns, after one that warms up")
    parser.add_argument("--batch", type=int, default=128, help="images of a batch")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"), help="cpu, cuda")
    arguments = parser.parse_args()
    gpu = arguments.device.type == "cuda"
    for threads in (1,) if gpu else (1, 2):
        torch.set_num_threads(threads)
        cases = [Case(channels, side, arguments.batch, arguments.device) for channels, side in LAYERS]
        for _ in range(arguments.turns + 1):
            for case in cases:
                case.turn()
        table(cases, torch.cuda.get_device_name(arguments.device) if gpu else f"{threads} thread{'s' * (threads > 1)}")


if __name__ == "__main__":
    main()
