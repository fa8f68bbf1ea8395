"""Every study composes, says in its header what it asks and costs, and has the number of runs it names."""

import re

import pytest

from frequency_reg.compose import make_plan
from frequency_reg.run_id import identity
from tests.contract.house import CONF, variants


@pytest.mark.parametrize("name", variants("study"))
def test_study_composes_to_the_number_of_runs_in_its_header(name):
    header = (CONF / "study" / f"{name}.yaml").read_text()
    for word in ("Question:", "Data:", "Runs:", "Expected:"):
        assert f"# {word}" in header, f"conf/study/{name}.yaml: its header does not say '{word}'"
    plan = make_plan([f"study={name}"], multirun=False)
    assert plan.multirun
    stated = re.search(r"# Runs:[^\n]*?= (\d+)", header)
    assert stated, "the header's Runs: gives the count as '... = N'"
    planned = plan.trials * plan.seeds if plan.search else len({identity(run) for run in plan.runs})
    assert planned == int(stated[1])
    assert {run.name for run in plan.runs} == {name}
