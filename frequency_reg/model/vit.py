"""Vision transformer for small images (Dosovitskiy et al. 2021): tokens from patches, no convolution but theirs."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn import functional as F

from frequency_reg.model.base import ImageShape, Model


class EncoderBlock(nn.Module):
    """Pre-norm: ``x <- x + branch1(attention(norm1(x)))``, then ``x <- x + branch2(mlp(norm2(x)))``.

    ``mlp(x) = fc2(between(gelu(fc1(x))))``. ``between``, ``branch1`` and ``branch2`` are identities where a regularizer
    may put dropout, or drop the whole branch.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.branch1 = nn.Identity()
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, hidden)
        self.between = nn.Identity()
        self.fc2 = nn.Linear(hidden, width)
        self.branch2 = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, width) -> the same shape."""
        x = x + self.branch1(self.attention(self.norm1(x)))
        mlp: Tensor = self.branch2(self.fc2(self.between(F.gelu(self.fc1(self.norm2(x))))))
        return x + mlp

    def attention(self, x: Tensor) -> Tensor:
        """``projection(softmax(q k^T / sqrt(width / heads)) v)``, the heads side by side; (N, tokens, width)."""
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # Written out: at the 64 tokens of a 32 px image 4 times as fast on a CPU, forward and backward, as
        # F.scaled_dot_product_attention, which pays for long sequences.
        share = (q * q.shape[-1] ** -0.5 @ k.transpose(2, 3)).softmax(dim=3)
        mixed: Tensor = self.projection((share @ v).transpose(1, 2).flatten(2))
        return mixed


class ViT(Model):
    """Patches -> linear embedding + position -> ``depth`` encoder blocks -> norm -> mean of the tokens -> read-out.

    3,194,634 parameters on CIFAR-10 with the defaults of ``conf/model/vit.yaml``, the sizes of ViT-Lite-6/4 (Hassani et
    al. 2021, "Escaping the Big Data Paradigm with Compact Transformers").

    Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words". Deviations: the mean of the tokens instead of a
    class token (its appendix D.3 finds both alike); torch's default initialisation of all layers; no dropout but a
    regularizer's.

    The embedding is a convolution with kernel = stride = ``patch``, the only layer with a kernel spectrum; an even
    kernel's DFT has its Nyquist row and column once, which the radial profile's multiplicities count. Dropout sits
    after the GELU of each block's MLP. No convolution is inside a block, so there is none for a spectral mask.

    Args:
        patch: side of the square patches, in pixels; it must divide the image's height and width.
        depth: encoder blocks.
        width: numbers in a token.
        heads: of each attention; they must divide ``width``.
        mlp_ratio: hidden units of a block's MLP, as a multiple of ``width``.

    Raises:
        ValueError: the images cannot be cut into patches of that size, or ``heads`` does not divide ``width``.
    """

    def __init__(
        self,
        *,
        patch: Annotated[int, Ge(1)],
        depth: Annotated[int, Ge(1)],
        width: Annotated[int, Ge(1)],
        heads: Annotated[int, Ge(1)],
        mlp_ratio: Annotated[float, Gt(0)],
        image_shape: ImageShape,
        num_classes: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__(image_shape=image_shape, num_classes=num_classes, mean=mean, std=std)
        channels, image_height, image_width = image_shape
        _require_whole_patches(patch, image_height, image_width)
        if width % heads:
            raise ValueError(f"model.heads={heads}: must divide model.width={width}")
        tokens = (image_height // patch) * (image_width // patch)
        self.embedding = nn.Conv2d(channels, width, patch, stride=patch)
        self.position = nn.Parameter(torch.empty(tokens, width))
        nn.init.normal_(self.position, std=0.02)
        hidden = max(1, round(mlp_ratio * width))
        self.blocks = nn.ModuleList(EncoderBlock(width, heads, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, num_classes)
        self.dropout_sites = tuple(f"blocks.{i}.between" for i in range(depth))
        self.residual_branches = tuple(f"blocks.{i}.branch{j}" for i in range(depth) for j in (1, 2))

    def logits(self, x: Tensor) -> Tensor:
        """See :meth:`Model.logits`."""
        x = self.embedding(x).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            x = block(x)
        return self.readout(self.norm(x).mean(dim=1))  # type: ignore[no-any-return]


def _require_whole_patches(patch: int, height: int, width: int) -> None:
    if height % patch or width % patch:
        fitting = [size for size in range(1, min(height, width) + 1) if height % size == 0 and width % size == 0]
        raise ValueError(
            f"model.patch={patch}: {height} x {width} images cannot be cut into patches of {patch} x {patch}; "
            f"sizes that divide both sides are {', '.join(map(str, fitting))}"
        )
