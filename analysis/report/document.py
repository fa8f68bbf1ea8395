"""One self-contained, interactive HTML file: findings, tables, charts, definitions, queries, provenance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis import aggregate, compare, metric
from analysis.claims.command import Given, query_command
from analysis.configuration import PREFIX, SEED
from analysis.corruption_error import answer
from analysis.formatting import MISSING, estimate_text, number_text, p_text, value_text, with_sign
from analysis.frames.corruption_error import corruption_errors, lacking_sentences, scored
from analysis.interactive import plates
from analysis.interactive.chart import Chart
from analysis.interactive.data import columns, inert
from analysis.load import AnalysisError, Records
from analysis.palette import regularizer_colors
from analysis.published.study import Study, studies
from analysis.publishing import check_target, publish
from analysis.report.comparison import FEW, comparison
from analysis.report.definitions import corruption_definitions, definitions
from analysis.report.family import bounded, family
from analysis.report.findings import findings
from analysis.report.pictures import pictures
from analysis.watched import Watched

PROVENANCE = "provenance."
FAILURES = 400
"""Most runs that did not complete that are listed one by one."""
OPENED = 100
"""A table of published numbers of more rows than this is closed at first."""
ID_LENGTH = 16
PAINTED = 4000
"""A chart of more marks than this is painted on a canvas."""
SCRIPTS = ("theme.js", "table.js", "charts.js", "scrubber.js")


def write(records: Records, target: Path, *, baseline: Mapping[str, str] | None = None) -> None:
    """Write the report to ``target`` by renaming a finished temporary file; an older report stays until then.

    Raises:
        AnalysisError: the folder does not exist or refuses the file, or ``baseline`` names no configuration.
    """
    check_target(target, str(target / "report.html"))
    publish(target, html(records, baseline=baseline).encode())


def html(records: Records, *, baseline: Mapping[str, str] | None = None) -> str:
    """The report as one HTML text. Equal records give equal text; every recorded value is escaped.

    Raises:
        AnalysisError: ``baseline`` names no configuration.
    """
    watched = Watched(records)
    runs = records.configurations.runs
    table = comparison(watched)
    tested = _family(watched, baseline)
    drawn = _Drawn(watched, baseline)
    return _environment().get_template("report.html").render(
        name=value_text(records.name),
        conditions=[value_text(text) for text in records.conditions],
        command=query_command(Given(records.paths, records.conditions), "SQL"),
        style=Markup(_file("report.css")),
        colors=Markup(drawn.colors()),
        scripts=[Markup(_script())],
        library=Markup(_library()),
        total=len(runs),
        damaged_runs=records.damaged_runs,
        every=len(runs) + (0 if records.partial else records.damaged_runs),
        complete=int((runs["status"] == "complete").sum()),
        configurations=len(records.configurations.table),
        counts=aggregate.run_counts(records).to_dict("records"),
        findings=findings(watched, baseline, tested if isinstance(tested, pd.DataFrame) else None),
        failures=_failures(records),
        damaged=[(damage.path.name, value_text(damage.reason)) for damage in records.damaged],
        swept=_swept(records),
        constants=_constants(records),
        table=table,
        table_query=metric.query(table.metrics),
        comparison=_differences(watched, tested),
        errors=_corruption_errors(watched, baseline),
        published=[_published(study) for study in studies(watched)],
        opened=OPENED,
        drawn=drawn,
        pictures=pictures(records),
        specs=Markup(inert(drawn.specs())),
        data=Markup(inert(drawn.data())),
        definitions=definitions(),
        corruptions=corruption_definitions(records),
        provenance=_provenance(records),
        run_ids=_run_ids(records),
        id_length=ID_LENGTH,
    )  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A chart where it stands on the page."""

    id: str
    chart: Chart
    group: int


class _Drawn:
    """The charts of the page with their data and colours, computed once."""

    def __init__(self, records: Watched, baseline: Mapping[str, str] | None) -> None:
        self.groups = plates.groups(records, baseline)
        self.contexts = plates.contexts(records)
        self.regularizers = regularizer_colors(records.configurations.table)
        overall = plates.overall(records) if self.groups else []
        self.figures = [[Figure(f"g{i}-{c.key}", c, i) for c in group.charts] for i, group in enumerate(self.groups)]
        self.scrubbers = [[Figure(f"g{i}-{c.key}", c, i) for c in g.scrubber] for i, g in enumerate(self.groups)]
        self.fits = [[Figure(f"g{i}-{c.key}", c, i) for c in g.fit] for i, g in enumerate(self.groups)]
        self.overall = [Figure(f"all-{chart.key}", chart, -1) for chart in overall]

    @property
    def undrawn(self) -> list[str]:
        """Contexts that are in the tables only."""
        return self.contexts[plates.CONTEXTS :]

    def every(self) -> Iterator[Figure]:
        """All figures, in the page's order."""
        for parts in zip(self.figures, self.fits, self.scrubbers, strict=True):
            for figures in parts:
                yield from figures
        yield from self.overall

    def specs(self) -> dict[str, Any]:
        """What the page's script needs of each figure, by id."""
        return {
            figure.id: {
                "spec": figure.chart.spec,
                "data": {name: self._name(figure, name) for name in figure.chart.data},
                "canvas": figure.chart.marks > PAINTED,
                "message": figure.chart.message,
            }
            for figure in self.every()
        }

    def data(self) -> dict[str, Any]:
        """The frames, by the names that :meth:`specs` refer to; figures that share a frame share its name."""
        return {
            self._name(figure, name): columns(frame)
            for figure in self.every()
            for name, frame in figure.chart.data.items()
        }

    def colors(self) -> str:
        """CSS variables: colours of configurations and regularizers on light and dark paper."""
        pairs = [(f"--r{i}", *pair) for i, pair in enumerate(self.regularizers.values())]
        for group in self.groups:
            pairs += [(v, group.shades[label].light, group.shades[label].dark) for label, v in group.variables.items()]
        return ":root{" + "".join(f"{name}:light-dark({light},{dark});" for name, light, dark in pairs) + "}"

    @staticmethod
    def _name(figure: Figure, name: str) -> str:
        return f"{figure.group}-{name}"


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _file(name: str) -> str:
    return (Path(__file__).parent / "template" / name).read_text(encoding="utf-8")


def _script() -> str:
    return "\n".join(_file(name) for name in SCRIPTS)


@cache
def _library() -> str:
    """Vega, Vega-Lite and vegaEmbed as one script: no other place is asked for them."""
    from vl_convert import javascript_bundle

    bundle: str = javascript_bundle()  # type: ignore[call-arg]
    return bundle.replace("</script", "<\\/script")


def _failures(records: Records) -> dict[str, Any]:
    names = ["run_name", "configuration", "seed", "status", "status_detail"]
    missing = aggregate.incomplete_runs(records)[names]
    rows = [[value_text(value) for value in row] for row in missing.itertuples(index=False)]
    return {"rows": rows[:FAILURES], "more": max(0, len(rows) - FAILURES)}


def _swept(records: Records) -> list[tuple[str, str]]:
    """Differing keys with their values, the seeds among them."""
    run = records["run"]
    keys = [*records.configurations.differing, *([SEED] if SEED in run else [])]
    return [(key.removeprefix(PREFIX), _distinct(run[key])) for key in keys]


def _constants(records: Records) -> list[tuple[str, str]]:
    """Keys on which all runs agree, or that follow from another choice."""
    choices = records.configurations.choices
    keys = [c for c in choices.columns if c not in records.configurations.differing]
    return [(c.removeprefix(PREFIX), _distinct(choices[c])) for c in sorted(keys)]


def _distinct(column: pd.Series, most: int = 12) -> str:
    texts = [text for text in dict.fromkeys(value_text(v) for v in column.drop_duplicates()) if text != MISSING]
    return ", ".join(texts[:most]) + (f", … ({len(texts)} values)" if len(texts) > most else "") or MISSING


def _family(records: Watched, baseline: Mapping[str, str] | None) -> pd.DataFrame | str:
    """The report's tests, or why there are none."""
    try:
        return family(records, baseline)
    except AnalysisError as error:
        if baseline:
            raise
        return str(error)


IN_FILES = "its 95% intervals are in --format csv."


def _differences(records: Watched, frame: pd.DataFrame | str) -> dict[str, Any]:
    """Blocks of differences by configuration; of many configurations only the headline metrics, in one table."""
    if isinstance(frame, str):
        return {"blocks": [], "footer": [frame], "bounded": False, "query": "", "heads": [], "flat": []}
    shortened = bounded(records)
    wanted = metric.headline(records) if shortened else compare.default_metrics(records)
    blocks = [] if shortened else list(_blocks(frame))
    flat, heads = _flat(frame, wanted) if shortened else ([], [])
    command = "its 95% intervals: python -m analysis compare PATH --format csv."
    footer = [sentence.replace(IN_FILES, command) for sentence in compare.footer(frame)]
    return {
        "blocks": blocks, "flat": flat, "heads": heads, "footer": footer, "bounded": shortened,
        "query": metric.query(wanted),
    }  # fmt: skip


def _blocks(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for configuration, block in frame.groupby("configuration", sort=False):
        survives = (block["p_holm"] < 0.05).tolist()
        rows = list(zip([_difference(row) for row in block.itertuples()], survives, strict=True))
        yield {
            "title": configuration,
            "baseline": block["baseline"].iloc[0],
            "rows": rows,
            "survivors": sum(survives),
        }


def _difference(row: Any) -> list[str]:
    """Cells: metric, difference, interval, n, p, Holm p, Hedges' g."""
    described = metric.describe(row.metric)
    label = described.label + (" pp" if described.unit == "fraction" else "")
    difference = estimate_text(row.mean, row.half_width, described.unit, signed=True)
    effect = number_text(getattr(row, "hedges_g", float("nan")), "1")
    return [label, difference, str(row.n), p_text(row.p), p_text(row.p_holm), effect]


def _flat(frame: pd.DataFrame, wanted: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """One row a configuration, one column a metric; * where the difference survives the correction."""
    units = {name: metric.describe(name).unit for name in wanted}
    rows: dict[str, list[str]] = {}
    survives = (frame["p_holm"] < 0.05).tolist()
    for r, star in zip(frame.itertuples(), survives, strict=True):
        text = estimate_text(r.mean, r.half_width, units[str(r.metric)], signed=True)  # type: ignore[arg-type]
        cells = rows.setdefault(str(r.configuration), [str(r.configuration), *[MISSING] * len(wanted)])
        cells[1 + list(wanted).index(str(r.metric))] = text + (" *" if star else "")
    heads = [metric.describe(n).label + (" pp" if units[n] == "fraction" else "") for n in wanted]
    return list(rows.values()), heads


def _corruption_errors(records: Watched, baseline: Mapping[str, str] | None) -> dict[str, Any] | None:
    """Tables of the corruption benchmark with their query; None where no run was scored on the whole of it."""
    with records.asked() as queries:
        whole = scored(records)
    if whole.sums.empty:
        return None
    try:
        reference, why = answer.within(records, baseline, whole), ""
    except AnalysisError as error:
        reference, why = None, f"No mCE: {error}"
    found = corruption_errors(records, whole, reference)
    each = len(records.configurations.table) <= FEW
    notes = [*answer.footer(found), *([why] if why else []), *lacking_sentences(whole)]
    return {
        "blocks": list(answer.blocks(records, found, per_corruption=each)),
        "notes": [note for note in notes if note != answer.NO_BASELINE], "queries": queries,
    }  # fmt: skip


COMPUTED = " †"
"""After a published value that was not printed but follows from what was."""


def _published(study: Study) -> dict[str, Any]:
    """A source beside our runs: blocks of rows, one a configuration, and blocks of differences, one a pair."""
    blocks = [
        {"title": f"{configuration} beside the published {called}", "rows": [_value(r) for r in rows.itertuples()]}
        for (configuration, called), rows in study.rows.groupby(["configuration", "counterpart"], sort=False)
    ]
    signs = [
        {"title": pair, "rows": [_sign(r) for r in rows.itertuples()]}
        for pair, rows in study.signs.groupby("pair", sort=False)
    ]
    counts = {name: frame["verdict"].value_counts() for name, frame in (("rows", study.rows), ("signs", study.signs))}
    words = {name: ", ".join(f"{n} {verdict}" for verdict, n in found.items()) for name, found in counts.items()}
    names = list(dict.fromkeys(study.rows["metric"]))
    return {
        "source": study.source, "deviations": study.deviations, "unknown": study.unknown, "blocks": blocks,
        "values": len(study.rows), "differences": len(study.signs), "signs": signs, "counts": words["rows"],
        "sign_counts": words["signs"], "surplus": study.surplus, "query": metric.query(names),
        "computed": bool(study.rows["computed"].any()), "contradictions": study.contradictions,
    }  # fmt: skip


def _value(r: Any) -> list[str]:
    """Cells: quantity, published, ours, prediction interval, n, verdict."""
    label, unit = _quantity(r.metric)
    ours = estimate_text(r.mean, r.half_width, unit)
    published = number_text(r.published, unit) + COMPUTED * r.computed
    return [label, published, ours, _range(r.low, r.high, unit), str(r.n), r.verdict]


def _sign(r: Any) -> list[str]:
    """Cells: quantity, published difference, ours, its interval, n, verdict."""
    label, unit = _quantity(r.metric, points=True)
    published, mean = (with_sign(number_text(value, unit)) for value in (r.published, r.mean))
    interval = _range(r.low, r.high, unit, signs=True)
    return [label, published + COMPUTED * r.computed, mean, interval, str(r.n), r.verdict]


def _quantity(name: object, *, points: bool = False) -> tuple[str, str]:
    """A metric's label with % (for differences pp), and its unit."""
    described = metric.describe(str(name))
    sign = "pp" if points else "%"
    return described.label + (f" {sign}" if described.unit == "fraction" else ""), described.unit


def _range(low: Any, high: Any, unit: str, *, signs: bool = False) -> str:
    ends = [number_text(value, unit) for value in (low, high)]
    return MISSING if MISSING in ends else " to ".join(with_sign(end) if signs else end for end in ends)


def _provenance(records: Records) -> list[tuple[str, str]]:
    run = records["run"]
    keys = sorted(str(c) for c in run.columns if str(c).startswith(PROVENANCE))
    rows = [(c.removeprefix(PROVENANCE), _distinct(run[c])) for c in keys]
    seconds = run["train_seconds"].sum() + run["evaluate_seconds"].sum()
    memory = run["peak_memory"].max()
    rows.append(("wall time of all runs", f"{seconds / 60:.1f} min"))
    if memory == memory:
        rows.append(("largest peak memory", f"{memory / 2**20:.0f} MiB"))
    return rows


def _run_ids(records: Records) -> list[tuple[str, str]]:
    """Configuration -> its runs: seed, id and status where not complete."""
    configurations = records.configurations
    by = configurations.runs.sort_values(["configuration", "seed"]).groupby("configuration", sort=False)
    texts = {
        str(label): ", ".join(
            f"{value_text(seed)}: {re.sub(r'[^ -~]', '?', str(run_id))[:ID_LENGTH]}"
            + ("" if status == "complete" else f" ({status})")
            for seed, run_id, status in zip(group["seed"], group["run_id"], group["status"], strict=True)
        )
        for label, group in by
    }
    return [(label, texts[label]) for label in configurations.table["configuration"]]
