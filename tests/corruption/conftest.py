from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor


@pytest.fixture
def generator() -> Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def natural() -> Tensor:
    """Images (16, 3, 32, 32) in [0, 1] whose amplitude falls as 1/f, like that of photographs."""
    v, u = torch.fft.fftfreq(32) * 32, torch.fft.rfftfreq(32) * 32
    radius = torch.hypot(v[:, None], u[None, :]).clamp(min=1)
    noise = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    images: Tensor = torch.fft.irfft2(torch.fft.rfft2(noise) / radius)
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    return (images - low) / (high - low)
