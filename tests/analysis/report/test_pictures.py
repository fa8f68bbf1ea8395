"""Still pictures of fitted functions in the report."""

from __future__ import annotations

import base64
from pathlib import Path

import analysis
from analysis.report.pictures import pictures
from tests.analysis.fitted import fitted


def test_pictures_of_the_tables_that_there_are(tmp_path: Path) -> None:
    found = pictures(fitted(tmp_path, seeds=(0,)))
    assert [picture.title for picture in found] == [
        "Functions while they are fitted",
        "Amplitude of each frequency over training",
    ]
    for picture in found:
        head, _, content = picture.image.partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(content).startswith(b"\x89PNG")
        assert picture.source.startswith("analysis.frames.function.")
        assert "n = 1 seed." in picture.caption


def test_runs_without_functions_have_none(sweep: Path) -> None:
    assert pictures(analysis.load(sweep)) == []
