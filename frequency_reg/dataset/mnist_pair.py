"""Two digits of MNIST as values -1 and +1 to fit, with noise of a chosen frequency on the training labels."""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray
from torch import Tensor

from frequency_reg.dataset.base import DataError, Dataset, ImageData, Split, as_values
from frequency_reg.dataset.label_noise import Noise, kernel_noise, radial_noise, white_noise
from frequency_reg.dataset.mnist import Mnist
from frequency_reg.spectrum.rbf import Width


class MnistPair(Dataset):
    """Images of two digits, pixels in [0, 1]; -1 for the first, +1 for the second, and on training labels noise.

    Labels of ``validation`` and ``test`` carry no noise: ``epochs.validation_loss`` is the error against the clean
    function. The training loss is that against the noisy labels.

    =========  =========================================================================================
    ``noise``  added to the label of a training image x
    =========  =========================================================================================
    none       nothing
    radial     beta sin(2 pi k |x|), k = ``noise_frequency``
    kernel     white noise projected on the fast eigenvectors of a Gaussian kernel on the training images
    white      independent normal values
    =========  =========================================================================================

    beta = ``noise_amplitude`` is the amplitude of radial noise, and the root mean square over the training images of
    the others.

    Source: Rahaman et al. 2019, "On the Spectral Bias of Neural Networks", section 3, on MNIST's 3 and 8; the files and
    their places are those of :class:`frequency_reg.dataset.mnist.Mnist`. Deviations: validation images come from the
    training file, so that the test file selects nothing; white and kernel noise have exactly equal size.

    Args:
        root: folder with MNIST's files; relative to the working directory.
        digits: the two, for -1 and +1.
        n_train: the first so many images of the pair, in the file's order, train; None: all but ``validation_size``.
        validation_size: images drawn from the pair's others.
        split_seed: seed of that draw.
        noise: see above.
        noise_amplitude: beta >= 0; at 0 the labels equal those of ``none``.
        noise_frequency: k of radial noise, in cycles per unit of the image's norm (pixels in [0, 1]: norms are about 6
            to 13); used by ``radial`` only.
        noise_from: kernel noise has the eigenvectors from this share of all on, eigenvalues descending; used by
            ``kernel`` only.
        kernel_width: of kernel noise: ``median``: sigma is half the median distance; ``paper``: 1.25, the notebook's.
        noise_seed: seed of white and kernel noise; equal seeds project the same white noise.

    Raises:
        ValueError: ``digits`` are not two different ones.
    """

    class_names = ()
    augments: ClassVar[bool] = False

    def __init__(
        self,
        *,
        root: str,
        digits: list[Annotated[int, Ge(0), Le(9)]],
        n_train: Annotated[int, Ge(2)] | None,
        validation_size: Annotated[int, Ge(1)],
        split_seed: Annotated[int, Ge(0)],
        noise: Noise,
        noise_amplitude: Annotated[float, Ge(0)],
        noise_frequency: Annotated[float, Gt(0)],
        noise_from: Annotated[float, Ge(0), Lt(1)],
        kernel_width: Width,
        noise_seed: Annotated[int, Ge(0)],
    ) -> None:
        super().__init__(validation_size=validation_size, split_seed=split_seed, crop_padding=0, horizontal_flip=False)
        if len(digits) != 2 or digits[0] == digits[1]:
            raise ValueError(f"dataset.digits={digits}: choose two different digits, such as [3,8]")
        self.source = Mnist(root=root, validation_size=1, split_seed=0, crop_padding=0, horizontal_flip=False)
        self.digits = digits
        self.n_train = n_train
        self.noise = noise
        self.amplitude = noise_amplitude
        self.frequency = noise_frequency
        self.noise_from = noise_from
        self.kernel_width: Width = kernel_width
        self.noise_seed = noise_seed

    def locate(self) -> None:
        """See :meth:`Dataset.locate`."""
        self.source.locate()

    def load(self) -> ImageData:
        """The pair's images and values, with noise on those that train.

        Raises:
            DataError: MNIST's files are missing or damaged, or the pair has fewer images than ``n_train`` and
                ``validation_size`` want.
        """
        decoded = self.source.decoded()
        images, values = self._pair(decoded.arrays["train_images"], decoded.arrays["train_labels"])
        training, validation = self._chosen(len(values))
        train_images = images[training]
        noisy = values[training] + self._noise(train_images)
        test_images, test_values = self._pair(decoded.arrays["test_images"], decoded.arrays["test_labels"])
        train = Split(train_images, noisy.float()[:, None])
        clean = Split(images[validation], values[validation].float()[:, None])
        test = Split(test_images, test_values.float()[:, None])
        digest = hashlib.sha256()
        for tensor in (tensor for split in (train, clean, test) for tensor in (split.images, split.labels)):
            digest.update(f"{tuple(tensor.shape)}".encode())
            digest.update(np.ascontiguousarray(tensor.numpy()).data)
        return ImageData(
            train=train,
            validation=clean,
            test=test,
            class_names=(),
            mean=(0.0,),
            std=(1.0,),
            digest=digest.hexdigest(),
        )

    def _pair(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """float32 pixels in [0, 1] (N, 1, 28, 28) and float64 values (N,) of the two digits, in the file's order."""
        kept = np.flatnonzero(np.isin(labels, self.digits))
        values = np.where(labels[kept] == self.digits[0], -1.0, 1.0)
        return as_values(torch.from_numpy(images[kept])), torch.from_numpy(values)

    def _chosen(self, n: int) -> tuple[slice, Tensor]:
        """Which of the pair's n images train, and which, in ascending order, validate."""
        assert self.validation_size is not None
        n_train = n - self.validation_size if self.n_train is None else self.n_train
        if not 1 < n_train <= n - self.validation_size:
            raise DataError(
                f"dataset.n_train={self.n_train} dataset.validation_size={self.validation_size}: together at most {n}, "
                f"the images of {self.digits[0]} and {self.digits[1]} in the training file"
            )
        order = torch.randperm(n - n_train, generator=torch.Generator().manual_seed(self.split_seed))
        return slice(n_train), n_train + order[: self.validation_size].sort().values

    def _noise(self, images: Tensor) -> Tensor:
        """(N,) float64; see the class's text."""
        if self.noise == "none" or self.amplitude == 0:
            return torch.zeros(len(images), dtype=torch.float64)
        if self.noise == "radial":
            return radial_noise(images, self.frequency, self.amplitude)
        if self.noise == "white":
            return white_noise(len(images), self.amplitude, self.noise_seed)
        return kernel_noise(
            images, self.amplitude, self.noise_seed, noise_from=self.noise_from, width=self.kernel_width
        )
