"""Records of every released schema version, as its code wrote them, load for ever and are answered beside today's."""

from pathlib import Path

import pytest

import analysis
from analysis import aggregate
from frequency_reg.records import SCHEMA_VERSION, TABLES, read

RELEASED = Path(__file__).parent / "released"
"""One run of LeNet on digits with weight decay 1e-3 for one epoch, made by the last code of each version; of version 3
with seed 1, for version 2 named its runs as 3 does."""


def test_there_is_one_of_every_version():
    assert sorted(folder.name for folder in RELEASED.iterdir()) == [str(v) for v in range(1, SCHEMA_VERSION + 1)]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_every_table_loads_with_todays_columns(version):
    found = read(RELEASED / str(version))
    assert found.damaged == ()
    for name in ("run", "epochs", "spectra", "ssr", "ssr_null", "robustness"):
        assert len(found[name]) > 0, name
        assert set(TABLES[name].names) <= set(found[name].column_names), name
    assert found["run"]["status"].to_pylist() == ["complete"]


def test_they_are_answered_together_and_alone():
    records = analysis.load(RELEASED)
    assert records.damaged == ()
    assert len(records["run"]) == SCHEMA_VERSION
    names = ["clean_accuracy", "corrupted_accuracy", "ssr/first/dc/init", "ssr/last/energy/init"]
    for version in range(1, SCHEMA_VERSION + 1):
        one = aggregate.headline(analysis.load(RELEASED / str(version)), names).set_index("metric")["mean"]
        assert one.notna().all(), version
