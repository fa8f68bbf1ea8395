"""What all interactive charts share: the chart with its words and data, colours, selection, intervals.

A recorded text is only ever data or a member of a scale's domain: field names and expressions are written here, so no
label can become one. Colours are CSS variables, so that charts follow the page's theme and print dark on white.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import pandas as pd

from analysis.metric import NORMALIZATIONS, REFERENCES

CHOSEN = "length(chosen) == 0 || indexof(chosen, datum.configuration) >= 0"
"""Whether a row's configuration is highlighted: all are while none is selected."""

INTERVAL = "95% interval over seeds"


@dataclass(frozen=True)
class Choice:
    """A select beside a chart: its parameter, words, and options (value, words), the first chosen at the start."""

    parameter: str
    label: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Chart:
    """A chart as it stands in the report.

    Attributes:
        key: slug, unique within a context.
        title: the heading.
        message: what the chart shows in a sentence, for those who do not see it.
        caption: what lines, bands and grey mean, with n.
        spec: Vega-Lite, its data named.
        data: the frames by those names.
        choices: selects that set parameters of the chart.
        source: the function whose frame is drawn.
        query: SQL of the values that the drawn statistics are made of.
        legend: whether colours stand for configurations, so that the page shows which.
        marks: about how many marks are drawn: thousands are painted, not built of elements.
    """

    key: str
    title: str
    message: str
    caption: str
    spec: dict[str, Any]
    data: Mapping[str, pd.DataFrame]
    source: str
    choices: Sequence[Choice] = ()
    query: Sequence[str] = ()
    legend: bool = True
    marks: int = 0
    panels: int = field(default=1)


@dataclass(frozen=True)
class Look:
    """Colour (a CSS variable's name), shape and dash (the number of a pattern) of every configuration that is drawn."""

    colors: Mapping[str, str]
    shapes: Mapping[str, str]
    dashes: Mapping[str, int] = field(default_factory=dict)

    def color(self) -> alt.Color:
        """Colour by configuration; the page itself shows the legend."""
        return alt.Color("configuration:N", scale=alt.Scale(domain=[_LABELS]), legend=None)

    def shape(self) -> alt.Shape:
        """Marker by configuration."""
        return alt.Shape("configuration:N", scale=alt.Scale(domain=[_LABELS]), legend=None)

    def dash(self) -> alt.StrokeDash:
        """Dash by configuration."""
        return alt.StrokeDash("configuration:N", scale=alt.Scale(domain=[_LABELS]), legend=None)

    def filled(self, spec: Any) -> Any:
        """The specification with this look's scales where :meth:`color` and :meth:`shape` hold their place.

        Altair copies a chart at every step; without the labels in it that costs a tenth.
        """
        if isinstance(spec, list):
            return [self.filled(part) for part in spec]
        if not isinstance(spec, dict):
            return spec
        found = {key: self.filled(part) for key, part in spec.items()}
        for channel in ("color", "shape", "strokeDash"):
            if isinstance(found.get(channel), dict) and found[channel].get("scale") == {"domain": [_LABELS]}:
                found[channel]["scale"] = self._scale(channel)
        return found

    def _scale(self, channel: str) -> dict[str, Any]:
        if channel == "shape":
            return {"domain": list(self.shapes), "range": list(self.shapes.values())}
        if channel == "strokeDash":
            return {"domain": list(self.colors), "range": [PATTERNS[self.dashes.get(name, 0)] for name in self.colors]}
        return {"domain": list(self.colors), "range": [f"var({name})" for name in self.colors.values()]}


PATTERNS = ([1, 0], [7, 2.5], [2, 2])
"""Dash patterns by number, in pixels of line and gap."""
_LABELS = "the labels of the configurations"


def opacity(shown: float = 1.0, faded: float = 0.1) -> alt.OpacityValue:
    """Full opacity for the selected configurations, all of them while none is selected."""
    return alt.OpacityValue(faded, condition={"test": CHOSEN, "value": shown})


def matching(*fields: str) -> str:
    """Filter: rows whose fields equal the parameters ``chosen_FIELD``."""
    return " && ".join(f"datum.{name} === chosen_{name}" for name in fields)


def estimates(digits: str = ".3f", value: str = "mean") -> list[alt.Tooltip]:
    """Tooltip entries of a mean, its interval and n."""
    return [
        alt.Tooltip(f"{value}:Q", title="mean", format=digits),
        alt.Tooltip("low:Q", title="95% from", format=digits),
        alt.Tooltip("high:Q", title="95% to", format=digits),
        alt.Tooltip("n:Q", title="n (seeds)"),
    ]


def finished(
    spec: dict[str, Any], choices: Sequence[Choice] = (), panels: int = 1, columns: int = 2, look: Look | None = None
) -> dict[str, Any]:
    """The whole specification, with its selection and its selects; ``panels`` and ``columns`` guide the layout."""
    parameters: list[dict[str, Any]] = [{"name": "chosen", "value": []}]
    parameters += [{"name": choice.parameter, "value": choice.options[0][0]} for choice in choices]
    whole = {**spec, "params": parameters, "usermeta": {"columns": columns, "panels": panels}}
    return whole if look is None else dict(look.filled(whole))


def layered(layers: Sequence[alt.Chart], data: str, height: int) -> dict[str, Any]:
    """Charts over one another, all of the frame ``data``.

    Units are put together here and not by Altair, which copies and compares every part of them at every step (half a
    second a chart). The tests validate every specification against Vega-Lite's schema.
    """
    return {"data": {"name": data}, "layer": [unit(layer) for layer in layers], "width": 600, "height": height}


def facet(
    layers: Sequence[alt.Chart],
    data: str,
    order: Sequence[str],
    *,
    columns: int = 2,
    height: int = 190,
    free: str = "",
) -> dict[str, Any]:
    """Panels by the field ``panel``, in ``order``; each has its own scale of the channels ``free`` (x, y, xy)."""
    inner = {key: part for key, part in layered(layers, data, height).items() if key != "data"}
    header = {"title": None, "labelLimit": 320, "labelFontWeight": "bold"}
    field = {"field": "panel", "type": "nominal", "sort": list(order), "header": header, "title": None}
    spec = {"data": {"name": data}, "facet": field, "columns": columns, "spec": {**inner, "width": 300}}
    resolve: dict[str, Any] = {"axis": {"x": "independent"}}
    return {**spec, "resolve": {**resolve, "scale": dict.fromkeys(free, "independent")} if free else resolve}


def unit(part: alt.Chart) -> dict[str, Any]:
    """One mark with its encoding and filter; a data set only if it names its own."""
    found: dict[str, Any] = part.to_dict(validate=False)
    kept: dict[str, Any] = {str(key): found[key] for key in ("mark", "encoding", "transform") if key in found}
    if isinstance(part.data, alt.NamedData):
        kept["data"] = {"name": found["data"]["name"]}
    return kept


def band(look: Look, x: Any, condition: str = "true") -> alt.Chart:
    """The interval around a line."""
    encoding = {"x": x, "y": alt.Y("low:Q"), "y2": alt.Y2("high:Q"), "color": look.color()}
    chart = alt.Chart().mark_area(clip=True).encode(**encoding, opacity=opacity(0.16, 0.02))
    banded: alt.Chart = chart.transform_filter(condition)
    return banded


def line(
    look: Look, x: Any, y: Any, tooltip: Sequence[alt.Tooltip], condition: str = "true", *, dashed: bool = True,
    marked: str = "",
) -> tuple[alt.Chart, alt.Chart]:  # fmt: skip
    """A mean over x.

    Args:
        condition: which rows are drawn.
        dashed: in the configuration's dash, not as a full line.
        marked: which rows have a marker; those that are drawn if left out.
    """
    encoding = {"x": x, "y": y, "color": look.color(), "opacity": opacity(), "tooltip": list(tooltip)}
    mark = alt.Chart().mark_line(strokeWidth=1.8).encode(**encoding, **({"strokeDash": look.dash()} if dashed else {}))
    points = alt.Chart().mark_point(size=38, filled=True).encode(**encoding, shape=look.shape())
    return mark.transform_filter(condition), points.transform_filter(marked or condition)


MARKERS = 20
"""A line of more values than this has a marker at some of them only."""


def sparse(column: pd.Series) -> pd.Series:
    """1 where a line over ``column`` has its marker, else 0: everywhere, or at a dozen places, the last among them."""
    places = sorted(column.unique())
    step = 1 if len(places) <= MARKERS else -(-len(places) // 12)
    return column.isin(places[::-1][::step]).astype(int)


def positions(frame: pd.DataFrame) -> list[str]:
    """The layers' positions in reading order."""
    found = list(dict.fromkeys(frame["position"].astype(str)))
    return sorted(found, key=lambda p: {"first": 0, "last": 1}.get(p, 2))


def layer_panel(frame: pd.DataFrame) -> pd.Series:
    """``first layer (conv1)``; the module path is left out where runs disagree about it."""
    titles = {}
    for position in dict.fromkeys(frame["position"].astype(str)):
        names = frame.loc[frame["position"] == position, "layer"].unique()
        title = f"{position} layer" if position in ("first", "last") else position
        titles[position] = f"{title} ({names[0]})" if len(names) == 1 and title != names[0] else title
    return frame["position"].map(titles)


def normalization_choice(frame: pd.DataFrame) -> Choice:
    """Which normalization of the SSR."""
    found = [n for n in NORMALIZATIONS if (frame["normalization"] == n).any()]
    return Choice("chosen_normalization", "normalization", [(n, n) for n in found])


def reference_choice(frame: pd.DataFrame) -> Choice:
    """Which reference of the SSR."""
    found = [r for r in REFERENCES if (frame["reference"] == r).any()]
    return Choice("chosen_reference", "reference", [(r, r) for r in found])


def cut(frame: pd.DataFrame, accuracies: pd.Series | bool = True) -> pd.DataFrame:
    """``frame`` with its intervals (low, high) cut at 0 and 1 in the rows of accuracies."""
    kept = pd.Series(accuracies, frame.index)
    low, high = frame["low"].clip(lower=0.0), frame["high"].clip(upper=1.0)
    return frame.assign(low=frame["low"].mask(kept, low), high=frame["high"].mask(kept, high))


def seeds(frame: pd.DataFrame) -> str:
    """``n = 3 seeds``, or the range of n."""
    n = frame.loc[frame["n"] > 0, "n"]
    if not len(n):
        return "no seed"
    low, high = int(n.min()), int(n.max())
    return f"n = {low}" if low == high else f"n = {low} to {high}"


def escaped(text: str) -> str:
    """Text for HTML."""
    return html.escape(text)
