"""Cost of a training step under every regularizer, as its YAML has it, against a step under none, side by side.

ResNet-20 on random 32 x 32 images in batches of 128, fp32, one thread, SGD with momentum, through
``frequency_reg.train.train``. All take turns, round after round, and CPU seconds are counted, so that other work on the
machine distorts the ratios little; each regularizer's least round stands.

    python benchmarks/regularizer_cost.py [--rounds 3] [--steps 2] [--width 16] [--set KEY=VALUE ...]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from frequency_reg.config import instantiate, regularizer_parts
from frequency_reg.dataset.base import Split
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.provenance import processor
from frequency_reg.regularizer.base import Composition
from frequency_reg.train import Augmentation, train

BATCH = 128
CONF = Path(__file__).resolve().parents[1] / "conf" / "regularizer"


def seconds_per_step(node: dict[str, Any], width: int, steps: int) -> float:
    """CPU seconds of one update, mean over ``steps`` after one that warms up."""
    torch.manual_seed(0)
    regularizer = Composition({name: instantiate(part) for name, part in regularizer_parts(node).items()})
    model = regularizer.prepare(
        ResNet20(
            width=width, kernel_size=3, shortcut="pad", image_shape=(3, 32, 32), num_classes=10, mean=(0.5,) * 3,
            std=(0.25,) * 3,
        )
    ).to(memory_format=torch.channels_last)  # fmt: skip
    images = torch.randint(0, 256, (BATCH, 3, 32, 32), dtype=torch.uint8)
    marks: list[float] = []
    for _ in train(
        model,
        Split(images, torch.arange(BATCH) % 10),
        regularizer=regularizer,
        optimizer=torch.optim.SGD(regularizer.parameter_groups(model), lr=0.01, momentum=0.9),
        schedule="constant",
        epochs=1,
        batch_size=BATCH,
        steps_per_epoch=1 + steps,
        augmentation=Augmentation(4, True),
        seed=0,
        on_batch=lambda _: marks.append(time.process_time()),
    ):
        pass
    return (marks[-1] - marks[0]) / steps


def main() -> None:
    """Print a row for each regularizer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--only", nargs="*", help="names; all if left out")
    parser.add_argument("--set", nargs="*", default=[], help="parameters that differ from the YAML")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    found = {path.stem: OmegaConf.to_container(OmegaConf.load(path)) for path in sorted(CONF.glob("*.yaml"))}
    nodes = {name: node for name, node in found.items() if isinstance(node, dict) and "_target_" in node}
    changes = OmegaConf.to_container(OmegaConf.from_dotlist(chosen.set))
    names = ["none", *(name for name in chosen.only or nodes if name != "none")]
    least = dict.fromkeys(names, float("inf"))
    for _ in range(chosen.rounds):
        for name in names:
            node = nodes[name] | {k: v for k, v in changes.items() if k in nodes[name]}  # type: ignore[union-attr]
            least[name] = min(least[name], seconds_per_step(node, chosen.width, chosen.steps))
    print(f"{processor()}; ResNet-20 width {chosen.width}, batch {BATCH}, least of {chosen.rounds} rounds, one thread")
    for name in sorted(names, key=least.__getitem__):
        print(f"{name:26}{1e3 * least[name]:8.0f} ms  {least[name] / least['none']:6.2f}")


if __name__ == "__main__":
    main()
