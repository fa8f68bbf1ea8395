"""Masks by real matrix products against complex FFTs."""

import pytest
import torch

from frequency_reg.spectrum.masking import masked_spectrum, real_basis, tied_half_plane


def hermitian_mask(channels: int, n_h: int, n_w: int, generator: torch.Generator) -> torch.Tensor:
    """Random, with equal values at h and -h in the columns whose conjugates are stored."""
    mask = torch.rand(channels, n_h, n_w // 2 + 1, generator=generator, dtype=torch.float64)
    for column in [0] if n_w % 2 else [0, n_w // 2]:
        for h in range(n_h):
            mask[:, h, column] = mask[:, min(h, -h % n_h), column]
    return mask


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_basis_is_orthonormal_and_its_rows_are_cosines_and_sines(n):
    basis = real_basis(n, torch.float64)
    assert torch.allclose(basis @ basis.T, torch.eye(n, dtype=torch.float64), atol=1e-12)
    spectrum = torch.fft.fft(basis).abs() > 1e-9
    for row in range(n):
        k = row if row <= n // 2 else row - n // 2
        assert spectrum[row].nonzero().flatten().tolist() == sorted({k, -k % n})


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (6, 6), (5, 7), (7, 4)])
@pytest.mark.parametrize("pixels", [(0, 1), (1, 1), (0, 2)])
@pytest.mark.parametrize("by", ["products", "fft"])
def test_equals_the_complex_fft_in_values_and_gradients(size, pixels, by):
    generator = torch.Generator().manual_seed(0)
    n_h, n_w = size
    start, step = pixels
    rows, columns = slice(min(start, n_h - 1), n_h, step), slice(min(start, n_w - 1), n_w, step)
    mask = hermitian_mask(3, n_h, n_w, generator)
    x = torch.randn(2, 3, n_h, n_w, generator=generator, dtype=torch.float64)
    upstream = torch.randn(x[..., rows, columns].shape, generator=generator, dtype=torch.float64)
    found, by_fft = (x.clone().requires_grad_() for _ in range(2))
    y = masked_spectrum(found, mask, mask, mask, rows, columns, by)
    whole = torch.fft.ifft2(torch.fft.fft2(by_fft) * full_plane(mask, n_w)).real
    expected = whole[..., rows, columns]
    assert torch.allclose(y, expected, atol=1e-12)
    y.backward(upstream)
    expected.backward(upstream)
    assert torch.allclose(found.grad, by_fft.grad, atol=1e-12)


def full_plane(mask: torch.Tensor, n_w: int) -> torch.Tensor:
    n_h = mask.shape[1]
    full = torch.empty(len(mask), n_h, n_w, dtype=mask.dtype)
    for h in range(n_h):
        for w in range(n_w):
            full[:, h, w] = mask[:, h, w] if w <= n_w // 2 else mask[:, -h % n_h, n_w - w]
    return full


@pytest.mark.parametrize("size", [(6, 6), (5, 4), (4, 5), (1, 2), (2, 1)])
@pytest.mark.parametrize("by", ["products", "fft"])
def test_mask_gradient_equals_autograd_through_the_full_complex_spectrum(size, by):
    """Every bin of the full plane gives its share to the bin of the half plane that its value is read from."""
    generator = torch.Generator().manual_seed(1)
    mask = hermitian_mask(2, *size, generator)
    x = torch.randn(3, 2, *size, generator=generator, dtype=torch.float64)
    upstream = torch.randn(3, 2, *size, generator=generator, dtype=torch.float64)
    ours, theirs = mask.clone().requires_grad_(), mask.clone().requires_grad_()
    masked_spectrum(x, ours, mask, mask, slice(None), slice(None), by).backward(upstream)
    torch.fft.ifft2(torch.fft.fft2(x) * full_plane(theirs, size[1])).real.backward(upstream)
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-12)


@pytest.mark.parametrize("by", ["products", "fft"])
def test_the_signal_s_gradient_goes_through_the_other_mask_and_a_shared_mask_sums_over_channels(by):
    generator = torch.Generator().manual_seed(2)
    ones, third = torch.ones(1, 4, 3, dtype=torch.float64), torch.full((1, 4, 3), 1 / 3, dtype=torch.float64)
    x = torch.randn(2, 5, 4, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    mask = ones.clone().requires_grad_()
    y = masked_spectrum(x, mask, ones, third, slice(None), slice(None), by)
    assert torch.allclose(y, x, atol=1e-12)
    y.sum().backward()
    assert torch.allclose(x.grad, torch.full_like(x, 1 / 3), atol=1e-12)
    assert mask.grad.shape == (1, 4, 3)
    assert float(mask.grad[0, 0, 0]) == pytest.approx(float(x.detach().sum()))  # the gradient of a sum lies at DC alone
    assert torch.allclose(mask.grad.flatten()[1:], torch.zeros(11, dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 3), (3, 2), (5, 4), (6, 6)])
def test_tied_bins_read_the_lower_row_and_give_it_their_gradient(size):
    n_h, n_w = size
    mask = torch.arange(2 * n_h * (n_w // 2 + 1), dtype=torch.float64).view(2, n_h, -1).requires_grad_()
    tied = tied_half_plane(mask, n_w)
    columns = [0] if n_w % 2 else [0, n_w // 2]
    expected, readers = mask.detach().clone(), torch.ones_like(mask)
    for column in columns:
        readers[:, :, column] = 0
        for h in range(n_h):
            lower = min(h, -h % n_h)
            expected[:, h, column] = mask.detach()[:, lower, column]
            readers[:, lower, column] += 1
    assert torch.equal(tied, expected)
    tied.sum().backward()
    assert torch.equal(mask.grad, readers)
