"""The figures of the report, each with its title and a caption in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from analysis import aggregate
from analysis.load import Records
from analysis.plot.robustness_curves import robustness_curves
from analysis.plot.share_removed import share_removed
from analysis.plot.spectrum_evolution import high_band_share, spectrum_evolution
from analysis.plot.ssr_bars import ssr_bars
from analysis.plot.ssr_trajectories import ssr_trajectories
from analysis.plot.strength_response import strength_response
from analysis.plot.style import svg
from analysis.plot.trade_off import trade_off


@dataclass(frozen=True)
class Plate:
    """A figure as it stands in the report: title, SVG, caption, and the function whose frame it draws.

    ``folded`` figures are complete but long: the page shows their title, a click opens them.
    """

    title: str
    svg: Markup
    caption: str
    source: str
    folded: bool = False


CAPTIONS = {
    "ssr": "Lines: mean over seeds; bands: 95% Student-t interval. Grey: 95% of the SSR between two random "
    "initialisations (the null), which belongs to the reference init only. Above 0 the layer holds less "
    "high-frequency power than in the reference state, below 0 more.",
    "bars": "After the last epoch, against init. Bars: mean over seeds with the 95% Student-t interval. Grey boxes: "
    "the null of the same layer. A bar inside its box cannot be told from another random initialisation; "
    "no box: no null was recorded for that normalization.",
    "spectrum": "Colour: log2 of the power at a radius relative to the kernel's mean power, mean over seeds. 0 is a "
    "white spectrum, as random initialisation has; orange-brown less, violet more power than that.",
    "layers": "Share of the ring energy in the high band, every convolution with k > 1, mean over seeds. A white 3 × 3 "
    "kernel has 8/9.",
    "robustness": "Accuracy on the test split, mean over seeds with the 95% Student-t interval. Leftmost point: the "
    "clean set. Severity rises to the right; the axis names the physical parameter, equally spaced by severity.",
    "trade_off": "Means over seeds with 95% Student-t intervals in both directions; corrupted accuracy is the mean "
    "over severities. Rings and dashed steps: the Pareto front of the means; intervals that overlap mean that "
    "the order may be the seeds' luck.",
    "strength": "Mean over seeds with the 95% Student-t interval. Logarithmic axis; left of the break: strength 0, or "
    "no regularizer where 0 was not run.",
    "share": "Share of spectral bins that the learned binary mask sets to zero, mean over seeds; bars (and bands, "
    "where there are at most four layers): 95% Student-t interval.",
}


def figures(records: Records, context: str) -> Iterator[Plate]:
    """Every figure that the records of one context allow, in the report's order."""
    for number, (key, title, source, figure) in enumerate(_drawn(records, context)):
        slug = re.sub(r"\W+", "-", context)
        picture = Markup(svg(figure, f"figure-{slug}-{number}"))
        yield Plate(title, picture, CAPTIONS[key], f"analysis.aggregate.{source}", folded="every other" in title)


def _drawn(records: Records, context: str) -> Iterator[tuple[str, str, str, Figure]]:
    def here(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["context"] == context]

    trajectories = here(aggregate.ssr_trajectories(records))
    null = here(aggregate.null_distribution(records))
    if len(trajectories):
        source = "ssr_trajectories(records)"
        main = ssr_trajectories(trajectories, null)
        yield "ssr", "SSR over training, dc normalization", source, main
        rest = ssr_trajectories(trajectories, null, ("total", "energy", "absolute", "absolute_folded"))
        yield "ssr", "SSR over training, every other normalization", source, rest
        final = here(aggregate.final_ssr(records))
        yield "bars", "Final SSR beside its null", "final_ssr(records)", ssr_bars(final, null)
    evolution = here(aggregate.spectrum_evolution(records))
    if len(evolution):
        for figure in spectrum_evolution(evolution):
            yield "spectrum", "Spectrum over training", "spectrum_evolution(records)", figure
        shares = high_band_share(here(aggregate.high_band_share(records)))
        yield "layers", "High-frequency share of every layer", "high_band_share(records)", shares
    curves = here(aggregate.robustness_curves(records))
    if len(curves):
        yield "robustness", "Robustness", "robustness_curves(records)", robustness_curves(curves)
        points = here(aggregate.trade_off(records))
        yield "trade_off", "Accuracy against robustness", "trade_off(records)", trade_off(points)
    response = here(aggregate.strength_response(records))
    for swept in response["swept"].unique():
        title = f"Metrics against the strength of {swept.replace('_', ' ')}"
        yield "strength", title, "strength_response(records)", strength_response(response, swept)
    removed = here(aggregate.regularizer_quantity(records))
    if len(removed):
        title = "Share of the spectrum removed by the masks"
        yield "share", title, "regularizer_quantity(records)", share_removed(removed)
