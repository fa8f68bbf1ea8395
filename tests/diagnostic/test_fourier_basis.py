"""The basis against the DFT: two bins a wave, norm 1, orthogonal, every pair once."""

import math

import pytest
import torch

from frequency_reg.diagnostic.fourier_basis import fourier_basis


def test_conjugate_pairs_share_a_wave():
    assert len(fourier_basis(32, 32).fy) == 514  # (1024 + 4) / 2; the half-plane of rfft2 has 544, 30 of them twice
    assert len(fourier_basis(8, 8).fy) == 34
    assert len(fourier_basis(5, 5).fy) == 13
    assert len(fourier_basis(4, 5).fy) == 11


@pytest.mark.parametrize("shape", [(8, 8), (5, 5), (4, 6), (6, 3)])
def test_every_bin_has_one_row_and_each_wave_two_bins(shape):
    height, width = shape
    basis = fourier_basis(height, width)
    seen = torch.zeros(shape, dtype=torch.long)
    for fy, fx, multiplicity, wave in zip(
        *(x.tolist() for x in basis[:2]), basis[3].tolist(), basis.waves, strict=True
    ):
        bins = {(fy % height, fx % width), (-fy % height, -fx % width)}
        assert len(bins) == multiplicity
        for place in bins:
            seen[place] += 1
        power = torch.fft.fft2(wave.double()).abs().square()
        assert float(sum(power[place] for place in bins)) == pytest.approx(height * width, rel=1e-6)
        assert float(power.sum()) == pytest.approx(height * width, rel=1e-6)  # norm 1 by Parseval, and no other bin
    assert (seen == 1).all()


def test_waves_are_orthogonal():
    waves = fourier_basis(8, 8).waves.flatten(1).double()
    torch.testing.assert_close(waves @ waves.T, torch.eye(34, dtype=torch.float64), atol=1e-6, rtol=0)


def test_a_wave_worked_out_by_hand():
    """fy = 1, fx = 0 on 4 rows: cos(0, 90, 180, 270 degrees) in every column, norm sqrt(2 * 4)."""
    basis = fourier_basis(4, 4)
    row = next(i for i in range(len(basis.fy)) if (basis.fy[i], basis.fx[i]) == (1, 0))
    expected = torch.tensor([1.0, 0.0, -1.0, 0.0])[:, None].expand(4, 4) / math.sqrt(8)
    torch.testing.assert_close(basis.waves[row], expected, atol=1e-7, rtol=0)
    assert basis.radius[row] == 1


def test_radius_counts_cycles_per_shorter_side():
    basis = fourier_basis(4, 8)
    row = next(i for i in range(len(basis.fy)) if (basis.fy[i], basis.fx[i]) == (0, 4))
    assert basis.radius[row] == 2  # 4 cycles in 8 pixels are 2 in 4
