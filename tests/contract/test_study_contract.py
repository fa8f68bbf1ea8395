"""Every study composes, says in its header what it asks and costs, has the number of runs it names and ran those."""

import re

import pytest

from frequency_reg.compose import make_plan
from frequency_reg.run_id import identity, recorded_run
from tests.contract.house import CONF, ROOT, variants

CHANGED = {
    "mask_table1": ("epochs=60", "probe.spectral_mask.every=10"),
}
"""Reference runs of a study, with what was changed of it."""
BESIDE = f"outputs={ROOT / 'outputs' / 'reference'}"
"""Where a study that goes on from another's networks finds them."""


@pytest.fixture(scope="module", params=variants("study"))
def study(request):
    """Name and plan, which takes seconds to compose for some."""
    return request.param, make_plan([f"study={request.param}", BESIDE], multirun=False)


def test_study_composes_to_the_number_of_runs_in_its_header(study):
    name, plan = study
    header = (CONF / "study" / f"{name}.yaml").read_text()
    for word in ("Question:", "Data:", "Runs:", "Expected:"):
        assert f"# {word}" in header, f"conf/study/{name}.yaml: its header does not say '{word}'"
    assert plan.multirun
    stated = re.search(r"# Runs:[^\n]*?= (\d+)", header)
    assert stated, "the header's Runs: gives the count as '... = N'"
    planned = plan.trials * plan.seeds if plan.search else len({identity(run) for run in plan.runs})
    assert planned == int(stated[1])
    assert {run.name for run in plan.runs} == {name}


def test_reference_runs_of_a_study_are_what_the_study_runs(study):
    name, plan = study
    if plan.search:
        return  # what it runs is in its trials: tests/test_run_id.py
    rows = [recorded_run(file.parent) for file in (ROOT / "outputs" / "reference" / name).glob("*/run.parquet")]
    trained = {row["run_id"] for row in rows if row.get("provenance.trained_run") is None}
    if trained and name in CHANGED:
        plan = make_plan([f"study={name}", *CHANGED[name], BESIDE], multirun=True)
    assert trained <= {identity(run) for run in plan.runs}
