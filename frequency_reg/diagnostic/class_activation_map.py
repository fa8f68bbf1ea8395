"""Class activation maps: where in an image the evidence for a class lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any, ClassVar

import pyarrow as pa
import torch
from annotated_types import Ge
from torch import Tensor, nn

from frequency_reg.dataset.base import as_values
from frequency_reg.diagnostic.base import RUN_ID, SPLIT, Diagnostic, Question, Rows
from frequency_reg.records import field

INPUT = "input"
_IMAGE = field("image", pa.int32(), "position of the image in the split")


class ClassActivationMap(Diagnostic):
    """Evidence for a class at every place of the last spatial feature map, for the first images of the split.

    With A_k(y, x) the map (C, h, w), s_c the logit of class c and the mean over the h w places::

        value(y, x) = h w sum_k alpha_k A_k(y, x)        alpha_k = mean_{y, x} ds_c / dA_k(y, x)

    The last spatial feature map is the last output (N, C, h, w) with h w > 1 that a module of the network gives: in a
    residual network what the mean pooling takes in, in LeNet the second pooling's output, in a vision transformer the
    patches' embedding (before any attention, hence of little use), in a network without any the image itself.

    Source: Zhou, Khosla, Lapedriza, Oliva, Torralba 2016, "Learning Deep Features for Discriminative Localization": in
    a network with global mean pooling and one linear read-out alpha_k = w_ck / (h w), so that the value is their map
    sum_k w_ck A_k(y, x), whose mean is s_c without its bias. Elsewhere it is Grad-CAM (Selvaraju et al. 2017), of which
    it keeps the sign: deviations are that no ReLU cuts evidence against the class off, and the factor h w.

    Cost: two forward passes and one backward pass for each image.

    Args:
        images: the first so many of the split; the images themselves are recorded too, for drawing.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "class_activation_map": pa.schema(
            [
                RUN_ID,
                SPLIT,
                _IMAGE,
                field("of", pa.string(), "which class the map is of: label, or prediction (the largest logit)"),
                field("class_index", pa.int32(), "that class"),
                field("correct", pa.bool_(), "whether the image is classified as its label"),
                field("layer", pa.string(), "module whose output the map is of; input for the pixels themselves"),
                field("height", pa.int32(), "rows of the map", unit="sample"),
                field("width", pa.int32(), "columns of the map", unit="sample"),
                field("y", pa.int32(), "row in the map, 0 is the top", unit="sample"),
                field("x", pa.int32(), "column in the map, 0 is the left", unit="sample"),
                field("value", pa.float64(), "h w sum_k alpha_k A_k(y, x); mean = the logit's part from the map"),
            ]
        ),
        "class_activation_image": pa.schema(
            [
                RUN_ID,
                SPLIT,
                _IMAGE,
                field("channel", pa.int32(), "channel of the image"),
                field("y", pa.int32(), "row, 0 is the top", unit="pixel"),
                field("x", pa.int32(), "column, 0 is the left", unit="pixel"),
                field("pixel", pa.float64(), "its value in [0, 1]"),
            ]
        ),
    }

    def __init__(self, *, images: Annotated[int, Ge(1)]) -> None:
        self.images = images

    def rows(self, question: Question) -> Iterator[Rows]:
        """See :meth:`Diagnostic.rows`."""
        split = question.first(self.images)
        pixels, labels = as_values(split.images), split.labels
        predicted = torch.cat([question.logits(part).argmax(1) for part in pixels.split(question.batch_size)])
        right = (predicted == labels).cpu()
        for of, classes in (("label", labels), ("prediction", predicted)):
            batches = zip(pixels.split(question.batch_size), classes.split(question.batch_size), strict=True)
            layers, maps = zip(*(evidence(question, *batch) for batch in batches), strict=True)
            known = {"image": torch.arange(len(split)), "class_index": classes.cpu(), "correct": right}
            about = {"split": question.split_name, "of": of, "layer": layers[0]}
            yield "class_activation_map", {**about, **_map_columns(known, torch.cat(maps).cpu())}
        yield "class_activation_image", {"split": question.split_name, **_pixel_columns(pixels.cpu())}


def evidence(question: Question, pixels: Tensor, classes: Tensor) -> tuple[str, Tensor]:
    """Layer and ``h w sum_k alpha_k A_k`` (N, h, w) float64 of images (N, C, H, W) for the classes (N,).

    Where the network passes every image several times (once for each class, say), the sum over its passes.
    """
    with torch.enable_grad(), _feature_maps(question.model) as found:
        pixels = pixels.clone().requires_grad_(True)
        score = question.logits(pixels).gather(1, classes[:, None]).sum()
        layer, features = found.popitem() if found else (INPUT, pixels)
        (gradient,) = torch.autograd.grad(score, features)
    alpha = gradient.double().mean((2, 3), keepdim=True)
    places = features.shape[2] * features.shape[3]
    maps = places * (alpha * features.detach().double()).sum(1)
    return layer, maps.view(-1, len(pixels), *maps.shape[1:]).sum(0)


@contextmanager
def _feature_maps(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """A mapping that holds the last spatial feature map of the forward pass made inside, by its module's name."""
    found: dict[str, Tensor] = {}

    def keep(name: str, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            found.clear()
            found[name] = output

    with ExitStack() as stack:
        for name, module in model.named_modules():
            if name:
                handle = module.register_forward_hook(lambda _, _inputs, output, name=name: keep(name, output))
                stack.callback(handle.remove)
        yield found


def _map_columns(known: dict[str, Tensor], values: Tensor) -> dict[str, Any]:
    """Columns of one row a place: what is known of each image (N,), and its values (N, h, w)."""
    n, height, width = values.shape
    places = height * width
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return {
        **{name: each.repeat_interleave(places).tolist() for name, each in known.items()},
        "height": height,
        "width": width,
        "y": y.flatten().repeat(n).tolist(),
        "x": x.flatten().repeat(n).tolist(),
        "value": values.flatten().tolist(),
    }


def _pixel_columns(pixels: Tensor) -> dict[str, Any]:
    index = torch.cartesian_prod(*(torch.arange(side) for side in pixels.shape))
    columns = {name: index[:, place].tolist() for place, name in enumerate(("image", "channel", "y", "x"))}
    return {**columns, "pixel": pixels.double().flatten().tolist()}
