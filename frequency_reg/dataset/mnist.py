"""MNIST, 28 x 28 grey, from its idx files."""

from __future__ import annotations

from frequency_reg.dataset.idx import IdxImages


class Mnist(IdxImages):
    """Handwritten digits: 60,000 training and 10,000 test images (1, 28, 28).

    Source: LeCun, Cortes, Burges 1998, idx format. Read directly, plain or gzipped, from where torchvision's ``MNIST``
    keeps them (``root/MNIST/raw``), from ``root/mnist`` or from ``root`` itself.

    Args:
        root: folder with the files, or with the folder of the files; relative to the working directory.
        validation_size: see :class:`Dataset`.
        split_seed: see :class:`Dataset`.
        crop_padding: see :class:`Dataset`.
        horizontal_flip: see :class:`Dataset`.

    Raises:
        ValueError: ``validation_size`` leaves no training images.
    """

    class_names = tuple("0123456789")
    title = "MNIST"
    name = "mnist"
    torchvision = "MNIST"
    folders = ("MNIST/raw", "mnist/MNIST/raw", "mnist/raw", "mnist", "raw", ".")
