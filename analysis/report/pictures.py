"""Still pictures for the report: of functions that were fitted, which its interactive charts do not show."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from analysis import figures
from analysis.load import Records
from analysis.plot.base import Scope
from analysis.plot.style import house_style

PLOTS = {
    "function_fit": "function_fit",
    "magnitude_evolution": "function_spectrum",
    "manifold_magnitudes": "function_spectrum",
    "perturbation_map": "parameter_perturbation",
    "validation_dip": "validation_dip",
    "kernel_residual": "kernel_residual",
    "layer_norms": "layer_norms",
    "path_spectrum": "path_spectrum",
    "fourier_decay": "fourier_decay",
}
"""Plots of :mod:`analysis.plot` in the order of the page, and the table that each is drawn from."""
CONTEXTS = 6
"""At most so many contexts have their pictures, as they have their charts."""
_DPI = 100


@dataclass(frozen=True)
class Picture:
    """A figure with its words.

    Attributes:
        title: in words.
        context: of the configurations it shows; empty where it shows all, or there is one context only.
        caption: what lines, bands and colours mean, and n.
        source: the calls that gave its frames.
        image: PNG as the address of an ``img`` element.
    """

    title: str
    context: str
    caption: str
    source: str
    image: str


def pictures(records: Records) -> list[Picture]:
    """The pictures of all plots that these records have a table for, context by context."""
    names = [name for name, table in PLOTS.items() if table in records.tables]
    if not names:
        return []
    contexts = figures.contexts(records)
    return [
        Picture(
            plate.title,
            context if len(contexts) > 1 and figures.declaration(name).scope is not Scope.RECORDS else "",
            plate.caption,
            plate.source,
            _address(plate),
        )
        for context in contexts[:CONTEXTS]
        for name in _with_rows(records, context, names)
        for plate in figures.plates(records, context, [name])
    ]


def _with_rows(records: Records, context: str, names: list[str]) -> list[str]:
    """Those of the plots that draw something here: asked for by name, a plot without rows would say why."""
    table = records.configurations.table
    here = records.narrowed(table.loc[table["context"] == context, "configuration"].tolist())
    plots = {name: figures.declaration(name) for name in names}
    return [n for n, plot in plots.items() if len(plot.frames[0](records if plot.scope is Scope.RECORDS else here))]


def _address(plate: figures.Plate) -> str:
    sink = io.BytesIO()
    with house_style():
        plate.figure.savefig(sink, format="png", dpi=_DPI, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(sink.getvalue()).decode()
