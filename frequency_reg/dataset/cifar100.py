"""CIFAR-100, 32 x 32 colour, from whichever of its usual forms the folder holds."""

from __future__ import annotations

from frequency_reg.dataset.cifar import Cifar, Edition

N_TRAIN = 50_000
N_TEST = 10_000

CLASSES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle
    bowl boy bridge bus butterfly camel can castle caterpillar cattle
    chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur
    dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard
    lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree
    plain plate poppy porcupine possum rabbit raccoon ray road rocket
    rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
    train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""


class Cifar100(Cifar):
    """50,000 training and 10,000 test images (3, 32, 32) of a hundred classes, the data set's fine labels.

    Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images". Looked for in ``root`` and in
    ``root/cifar100``, in this order:

        1. the Parquet files of the Hugging Face copy (``train-*.parquet``, ``test-*.parquet``, here or in
           ``cifar100/``): PNG bytes in ``img.bytes``, the class in ``fine_label``;
        2. torchvision's folder ``cifar-100-python``. Its files are pickles: each must have the MD5 that torchvision
           publishes before it is opened, so that no stranger's code runs;
        3. with ``download``, torchvision's download into ``root``.

    The two forms hold the same images; another order gives another digest and another validation split. The 20 coarse
    labels are not read.

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

    class_names = tuple(CLASSES.split())

    @property
    def edition(self) -> Edition:
        """See :attr:`Cifar.edition`."""
        return Edition(
            title="CIFAR-100",
            name="cifar100",
            n_train=N_TRAIN,
            n_test=N_TEST,
            label="fine_label",
            batch_labels="fine_labels",
            folder="cifar100",
            batches="cifar-100-python",
            archive="cifar-100-python.tar.gz",
            torchvision="CIFAR100",
            source="https://huggingface.co/datasets/uoft-cs/cifar100",
            spellings={"cra": "crab"},
        )
