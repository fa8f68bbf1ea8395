"""What a search found: its trials in order for one objective, its own Pareto front for several."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.frames import search
from analysis.palette import INK
from analysis.plot.base import Drawn, Plot, Scope
from analysis.plot.style import SOFT, house_style, legend_below, legend_of, nothing, panels, short

TRIAL = "#0072B2"
FRONT = "#D55E00"


def search_front(frame: pd.DataFrame) -> Figure:
    """One search: value against trial with the best so far, or a panel for each pair of objectives with the front.

    Args:
        frame: from :func:`analysis.frames.search.trials`, one folder.
    """
    complete = frame[frame["state"] == "COMPLETE"].dropna(subset="value")
    complete = complete.assign(value=complete["value"] * complete["objective"].map(_percent).map({True: 100, False: 1}))
    if complete.empty:
        return nothing("No search left a complete trial.")
    goals = list(complete["objective"].unique())
    with house_style():
        if len(goals) == 1:
            figure, axes = panels(1, columns=1, height=3.0)
            _history(axes[0], frame, complete)
        else:
            pairs = list(combinations(goals, 2))
            figure, axes = panels(len(pairs), columns=min(len(pairs), 3), height=2.9)
            for ax, (x, y) in zip(axes, pairs, strict=True):
                _pair(ax, complete, x, y)
        legend_below(figure, *legend_of(axes[0]), _states(frame))
    return figure


def _states(frame: pd.DataFrame) -> str:
    counts = frame.drop_duplicates("trial")["state"].value_counts()
    words = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    n = sorted({int(v) for v in frame["n"] if v > 0})
    runs = f"; each value is a mean over {n[0]} run{'s' * (n[0] > 1)}" if len(n) == 1 else ""
    return ", ".join(f"{counts[s]} {word}" for s, word in words.items() if s in counts) + f" trials{runs}"


def _percent(goal: str) -> bool:
    """Whether an objective is a share of images: an accuracy, or the mean accuracy under corruptions (robustness)."""
    return goal == "validation_accuracy" or goal.partition("/")[0] == "robustness"


def _axis_label(rows: pd.DataFrame, goal: str) -> str:
    unit = " %" * _percent(goal)
    return f"{short(goal.replace('_', ' '), 34)}{unit}\n({rows.loc[rows['objective'] == goal, 'direction'].iloc[0]})"


def _history(ax: Axes, frame: pd.DataFrame, complete: pd.DataFrame) -> None:
    goal = complete["objective"].iloc[0]
    rows = complete.sort_values("trial")
    best = rows["value"].cummax() if rows["direction"].iloc[0] == "maximize" else rows["value"].cummin()
    ax.plot(rows["trial"], rows["value"], ls="", marker="o", color=TRIAL, alpha=0.7, label="trial")
    ax.plot(rows["trial"], best, drawstyle="steps-post", color=FRONT, label="best so far")
    ended = frame[frame["state"] != "COMPLETE"]
    if len(ended):
        ax.plot(ended["trial"], [0.02] * len(ended), ls="", marker="x", color=INK, clip_on=False,
                transform=ax.get_xaxis_transform(), label="pruned or failed")  # fmt: skip
    ax.set_xlabel("trial")
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.set_ylabel(_axis_label(complete, goal))


def _pair(ax: Axes, complete: pd.DataFrame, x: str, y: str) -> None:
    wide = complete.pivot_table(index="trial", columns="objective", values="value")
    front = complete.drop_duplicates("trial").set_index("trial")["on_front"].reindex(wide.index).eq(True)
    ax.plot(wide.loc[~front, x], wide.loc[~front, y], ls="", marker="o", ms=4, color=SOFT, alpha=0.7, label="trial")
    best = wide[front].sort_values(x)
    ax.plot(best[x], best[y], ls="", marker="D", ms=5.5, color=FRONT, label="on the search's Pareto front")
    for place in best[[x, y]].drop_duplicates().head(15).to_numpy():
        at = best.index[(best[[x, y]] == place).all(axis=1)]  # a repeated configuration shares its place
        name = ", ".join(map(str, sorted(at)))
        ax.annotate(name, (place[0], place[1]), (4, 4), textcoords="offset points", fontsize=7)
    ax.set_xlabel(_axis_label(complete, x))
    ax.set_ylabel(_axis_label(complete, y))


def _draw(frame: pd.DataFrame) -> Drawn:
    folders = [str(name) for name in frame["folder"].unique()]
    if len(folders) < 2:
        return {"": search_front(frame)}
    return {short(name, 60): search_front(frame[frame["folder"] == name]) for name in folders}


PLOT = Plot(
    title="Trials of the search",
    caption="Values that the search saw: measured on validation data, and chosen for being good, so that the best of "
    "many trials looks better than it is. Numbers: trials on the front.",
    frames=(search.trials,),
    draw=_draw,
    scope=Scope.RECORDS,
)
