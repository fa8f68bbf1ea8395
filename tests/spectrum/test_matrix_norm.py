"""Power iteration, against singular value decompositions and a matrix whose eigenvalues say something else."""

import pytest
import torch

from frequency_reg.spectrum.matrix_norm import spectral_norm


def start(n: int) -> torch.Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (1, 4), (64, 64)])
def test_it_is_the_largest_singular_value(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = spectral_norm(matrix, start(shape[1]))
    _, values, right = torch.linalg.svd(matrix.double())
    assert found.value == pytest.approx(values[0].item(), rel=1e-6)
    assert abs(float(found.vector @ right[0])) == pytest.approx(1, abs=1e-3)


def test_a_matrix_without_eigenvalues_has_a_norm():
    # Both eigenvalues of a shear are 1, those of this nilpotent matrix 0; iterating the matrix itself finds those.
    assert spectral_norm(torch.tensor([[0.0, 3.0], [0.0, 0.0]]), start(2)).value == pytest.approx(3)
    shear = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    assert spectral_norm(shear, start(2)).value == pytest.approx((1 + 5**0.5) / 2)


def test_a_matrix_of_zeros_has_norm_0_and_a_good_start_needs_no_step():
    assert spectral_norm(torch.zeros(3, 4), start(4)).value == 0
    diagonal = torch.diag(torch.tensor([1.0, 5.0, 2.0]))
    assert spectral_norm(diagonal, torch.tensor([0.0, 1.0, 0.0]), iterations=0).value == 5
