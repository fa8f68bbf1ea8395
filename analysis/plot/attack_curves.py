"""Accuracy under gradient attacks, from the clean images to the largest perturbation."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.formatting import value_text
from analysis.frames import attack_curves as frames
from analysis.interval import NOTE, bars
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.style import Style, house_style, legend_below, nothing, panels, short, spread, styles

NORMS = {
    "linf": ("L∞ norm", "eps, 1/255 of the pixels' range", 255.0),
    "l2": ("L2 norm", "eps, L2 norm over an image of pixels in [0, 1]", 1.0),
}
"""Title, axis and factor of eps of the known norms."""
DASHES: dict[str, Any] = {"pgd": "-", "fgsm": (0, (4, 1.5)), "auto_attack": (0, (1.2, 1.2))}
FURTHER: tuple[Any, ...] = ((0, (5, 1.5, 1.2, 1.5)), (0, (8, 2, 1, 2, 1, 2)))
"""Line styles of the known attacks, and of others in alphabetic order."""
FEW = 4
"""Of more configurations than this, each attack has panels of its own."""


def attack_curves(frame: pd.DataFrame) -> Figure:
    """One panel for each norm and number of images; colour and marker are a configuration, the dash is an attack.

    Accuracies on other images are not comparable, not even the clean ones: they share no panel. Of more than
    :data:`FEW` configurations, one panel for each attack too. The axis has one equally wide step for each eps, named by
    its value: eps that double would crowd at its left.

    Args:
        frame: from :func:`analysis.frames.attack_curves.attack_curves`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No attack was run on the test split.")
    look = styles(frame)
    attacks = sorted(frame["attack"].unique())
    others = [attack for attack in attacks if attack not in DASHES]
    dashes = {a: DASHES.get(a) or FURTHER[others.index(a) % len(FURTHER)] for a in attacks}
    apart = frame["configuration"].nunique() > FEW and len(attacks) > 1
    facets = frame.assign(alone=frame["attack"] if apart else "").groupby(["norm", "alone", "images"])
    labels = frame.drop_duplicates("configuration").set_index("configuration")["label"]
    with house_style():
        figure, axes = panels(facets.ngroups, height=2.9)
        shown = sorted(facets, key=lambda facet: (facet[0][0] != "linf", facet[0]))
        for ax, ((norm, attack, images), rows) in zip(axes, shown, strict=True):
            _panel(ax, rows, str(norm), look, dict.fromkeys(attacks) if apart else dashes)
            if apart:
                ax.set_title(f"{ax.get_title()}: {_described(rows, str(attack))}", fontsize=8.5)
            elif len(set(frame["images"])) > 1:
                ax.set_title(f"{ax.get_title()}: {images} image{'s' * (images != 1)}")
        handles = [Line2D([], [], color=s.color, marker=s.marker, ls=s.line if apart else "") for s in look.values()]
        names = [labels[name] for name in look]
        if not apart:
            handles += [Line2D([], [], color=INK, ls=dash, lw=1.4) for dash in dashes.values()]
            names += [_described(frame, attack) for attack in attacks]
        legend_below(figure, handles, names, spread(frame))
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, norm: str, look: dict[str, Style], dashes: dict[str, Any]) -> None:
    """A line for each configuration and attack; where an attack has no dash, that of the configuration."""
    title, unit, factor = NORMS.get(norm, (short(norm), "eps", 1.0))
    steps = {eps: place for place, eps in enumerate(sorted(rows["eps"].unique()))}
    lines = list(rows.groupby(["configuration", "attack", "steps", "restarts", "images"], sort=False))
    for i, ((configuration, attack, *_), line) in enumerate(lines):
        line = line.sort_values("eps")
        # A small shift keeps the bars of several lines apart.
        shift = min(0.08, 0.4 / len(lines)) * (i - (len(lines) - 1) / 2)
        style = look[str(configuration)]
        ax.errorbar(line["eps"].map(steps) + shift, 100 * line["mean"],
                    yerr=100 * bars(line["mean"], line["half_width"]), lw=1.3, elinewidth=0.9, color=style.color,
                    marker=style.marker, ls=dashes[str(attack)] or style.line)  # fmt: skip
    ax.set_xticks(list(steps.values()), ["clean" if eps == 0 else value_text(round(factor * eps, 4)) for eps in steps])
    ax.set_ylim(-3, 103)
    ax.grid(visible=False, axis="x")
    ax.set_title(title)
    ax.set_xlabel(unit)
    ax.set_ylabel("accuracy, %")


def _described(frame: pd.DataFrame, attack: str) -> str:
    """``pgd, 20 steps, 2 restarts, 500 images``; a number that differs between runs is left out."""
    rows = frame[frame["attack"] == attack]
    words = [attack]
    for column, noun in (("steps", "step"), ("restarts", "restart"), ("images", "image")):
        numbers = set(rows[column])
        if len(numbers) == 1 and 0 not in numbers and (noun != "restart" or numbers != {1}):
            words.append(f"{max(numbers)} {noun}{'s' * (numbers != {1})}")
    return ", ".join(words)


PLOT = Plot(
    title="Accuracy under attack",
    caption="Share of the first images of the test split (how many is named) that are classified correctly both "
    "clean and after a gradient attack of size eps, mean over seeds with the 95% interval. Leftmost point: the clean "
    "accuracy on the same images; eps rises to the right, equally spaced. Colour and marker: configuration; dash "
    "or panel: attack. What attacked another number of images has a panel of its own. A curve that stays high may be "
    "masked gradients, not robustness: see the plot gradient_masking. " + NOTE,
    frames=(frames.attack_curves,),
    draw=lambda frame: {"": attack_curves(frame)},
)
