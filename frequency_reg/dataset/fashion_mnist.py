"""Fashion-MNIST, 28 x 28 grey, from its idx files."""

from __future__ import annotations

from frequency_reg.dataset.idx import IdxImages


class FashionMnist(IdxImages):
    """Articles of clothing: 60,000 training and 10,000 test images (1, 28, 28) of ten classes.

    Source: Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747, in MNIST's idx format. Read directly, plain or gzipped, from
    where torchvision's ``FashionMNIST`` keeps them (``root/FashionMNIST/raw``), from ``root/fashion_mnist`` or from
    ``root`` itself. The files are named like MNIST's; MNIST's own are recognised by their labels and refused.

    Args:
        root: folder with the files, or with the folder of the files; relative to the working directory.
        validation_size: see :class:`Dataset`.
        split_seed: see :class:`Dataset`.
        crop_padding: see :class:`Dataset`.
        horizontal_flip: see :class:`Dataset`.

    Raises:
        ValueError: ``validation_size`` leaves no training images.
    """

    class_names = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    title = "Fashion-MNIST"
    name = "fashion_mnist"
    torchvision = "FashionMNIST"
    folders = (
        "FashionMNIST/raw",
        "fashion_mnist/FashionMNIST/raw",
        "fashion_mnist/raw",
        "fashion_mnist",
        "fashion-mnist",
        "raw",
        ".",
    )
