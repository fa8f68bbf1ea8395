"""SpatialDropout (Tompson et al. 2015): whole feature maps are zeroed at random in training."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Lt
from torch import nn

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer, append_module
from frequency_reg.regularizer.feature_maps import map_sites


class SpatialDropout(Regularizer):
    """Zeroes each channel of each image with probability p in training and scales the others by 1 / (1 - p).

    Neighbouring pixels of a feature map carry much the same, so that dropout of single activations removes little
    information from it; this removes all. It stands at those of the model's ``dropout_sites`` that feature maps reach
    (in LeNet not before the last layers), where :mod:`frequency_reg.regularizer.dropout` stands too.

    Source: Tompson, Goroshin, Jain, LeCun, Bregler 2015, "Efficient Object Localization Using Convolutional Networks",
    section 3.2. Deviation: between the weight layers of every block instead of once before the first 1 x 1 convolution.

    Args:
        spatial_dropout: p in [0, 1); 0 equals ``regularizer=none`` bit for bit.

    Raises:
        ValueError: from :meth:`prepare`, if no feature maps reach the model's sites.
    """

    def __init__(self, *, spatial_dropout: Annotated[float, Ge(0), Lt(1)]) -> None:
        self.spatial_dropout = spatial_dropout

    def prepare(self, model: Model) -> Model:
        """Put ``nn.Dropout2d`` at every site that has maps."""
        sites = map_sites(model, "spatial_dropout")
        if self.spatial_dropout > 0:
            for name in sites:
                append_module(model, name, nn.Dropout2d(self.spatial_dropout))
        return model
