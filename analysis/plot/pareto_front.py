"""The Pareto front in two or three metrics, as projections on every pair of them."""

from __future__ import annotations

import textwrap
from itertools import combinations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.frames import pareto
from analysis.interval import NOTE
from analysis.metric import describe
from analysis.plot.base import Plot, Scope
from analysis.plot.style import WIDTH, house_style, nothing, panels, short
from analysis.plot.trade_off import legend_of_points, scatter

MOST_NUMBERED = 12


def pareto_front(frame: pd.DataFrame) -> Figure:
    """One panel for each pair of metrics; ringed and numbered: the front of all metrics at once.

    A configuration on the front of three metrics may lie inside the cloud of every pair: no other one is as good in
    all three.

    Args:
        frame: from :func:`analysis.frames.pareto.pareto_fronts`, one context.
    """
    metrics = list(frame["metric"].unique())
    if len(metrics) < 2:
        return nothing("A front needs two metrics: no corruption was evaluated on the test split.")
    wide = _wide(frame, metrics)
    pairs = list(combinations(metrics, 2))
    front = wide[wide["on_front"].eq(True)].sort_values(metrics[0], ascending=False)
    numbers = {label: str(i) for i, label in enumerate(front["configuration"], 1)}
    with house_style():
        figure, axes = panels(len(pairs), columns=min(len(pairs), 3), height=2.6)
        for ax, (x, y) in zip(axes, pairs, strict=True):
            scatter(ax, wide, x, y, wide["on_front"].eq(True))
            _numbers(ax, front.head(MOST_NUMBERED), x, y, numbers)
            ax.set_xlabel(f"{short(describe(x).label, 32)}, %")
            ax.set_ylabel(f"{short(describe(y).label, 32)}, %")
        together = "both" if len(metrics) == 2 else f"all {len(metrics)} metrics"
        legend_of_points(figure, wide, f"front in {together}", steps=False)
        _list(figure, front, numbers)
    return figure


def _wide(frame: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """One row a configuration: metric and metric + ``_half_width``, the least n."""
    first = frame.drop_duplicates("configuration").drop(columns=["metric", "mean", "half_width", "n"])
    wide = first.set_index("configuration")
    for name in metrics:
        rows = frame[frame["metric"] == name].set_index("configuration")
        wide = wide.assign(**{name: rows["mean"], f"{name}_half_width": rows["half_width"]})
    return wide.assign(n=frame.groupby("configuration")["n"].min()).reset_index()


def _numbers(ax: Axes, front: pd.DataFrame, x: str, y: str, numbers: dict[str, str]) -> None:
    for _, row in front.iterrows():
        ax.annotate(numbers[row["configuration"]], (100 * row[x], 100 * row[y]), (4, 4), fontsize=7.5,
                    textcoords="offset points")  # fmt: skip


def _list(figure: Figure, front: pd.DataFrame, numbers: dict[str, str]) -> None:
    """The numbered configurations above the panels, as running text."""
    if front.empty:
        return
    shown = front.head(MOST_NUMBERED)
    texts = [f"{numbers[row['configuration']]}: {short(row['label'], 48)}" for _, row in shown.iterrows()]
    if len(front) > len(shown):
        texts.append(f"and {len(front) - len(shown)} more")
    lines = textwrap.wrap(
        "; ".join(text.replace(" ", "\N{NO-BREAK SPACE}") for text in texts),
        105,
        break_long_words=False,
        break_on_hyphens=False,
    )
    figure.set_size_inches(WIDTH, figure.get_figheight() + 0.17 * len(lines))
    figure.suptitle("\n".join(lines), fontsize=8, x=0.01, ha="left", linespacing=1.3)


PLOT = Plot(
    title="Pareto front",
    caption="Means over seeds with 95% intervals, in every pair of the metrics. Rings and numbers: the front of the "
    "means in all metrics at once, that is no other configuration is as good in all and better in one; "
    "intervals that overlap mean that the order may be the seeds' luck. Of more than 20 configurations only "
    "those on the front have intervals. " + NOTE,
    frames=(pareto.pareto_fronts,),
    draw=lambda frame: {"": pareto_front(frame)},
    scope=Scope.CONTEXT,
)
