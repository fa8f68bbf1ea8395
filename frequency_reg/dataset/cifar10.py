"""CIFAR-10, 32 x 32 colour, from whichever of its usual forms the folder holds."""

from __future__ import annotations

from frequency_reg.dataset.cifar import Cifar, Edition

N_TRAIN = 50_000
N_TEST = 10_000


class Cifar10(Cifar):
    """50,000 training and 10,000 test images (3, 32, 32) of ten classes.

    Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images". Looked for in ``root`` and in
    ``root/cifar10``, in this order:

        1. the Parquet files of the Hugging Face copy (``train-*.parquet``, ``test-*.parquet``, here or in
           ``plain_text/``): PNG bytes in ``img.bytes``, the class in ``label``;
        2. torchvision's folder ``cifar-10-batches-py``. Its files are pickles: each must have the MD5 that torchvision
           publishes before it is opened, so that no stranger's code runs;
        3. with ``download``, torchvision's download into ``root``.

    The two forms hold the same images; another order gives another digest and another validation split.

    Args:
        root: the folder; relative to the working directory.
        download: let torchvision fetch the images (170 MB) if ``root`` has none.
        validation_size: see :class:`Dataset`.
        split_seed: see :class:`Dataset`.
        crop_padding: see :class:`Dataset`.
        horizontal_flip: see :class:`Dataset`.

    Raises:
        ValueError: ``validation_size`` leaves no training images.
    """

    class_names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    @property
    def edition(self) -> Edition:
        """See :attr:`Cifar.edition`."""
        return Edition(
            title="CIFAR-10",
            name="cifar10",
            n_train=N_TRAIN,
            n_test=N_TEST,
            label="label",
            batch_labels="labels",
            folder="plain_text",
            batches="cifar-10-batches-py",
            archive="cifar-10-python.tar.gz",
            torchvision="CIFAR10",
            source="https://huggingface.co/datasets/uoft-cs/cifar10",
        )
