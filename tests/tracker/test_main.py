"""``python -m frequency_reg.tracker``: finished records are mirrored as if the run had been tracked."""

import shutil

import pytest

from frequency_reg.records import set_status
from frequency_reg.run import run
from frequency_reg.tracker import __main__ as command
from tests.contract.house import ROOT

tensorboard = pytest.importorskip("tests.tracker.test_tensorboard")  # skips itself without the package
expected, shown = tensorboard.expected, tensorboard.shown

REFERENCE = ROOT / "outputs" / "reference" / "cifar10_spectral_mask"


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        command.main([str(argument) for argument in arguments])
    out = capsys.readouterr()
    return end.value.code, out.out, out.err


def test_real_records_are_mirrored(capsys, tmp_path):
    sweep = tmp_path / "sweep"
    shutil.copytree(REFERENCE, sweep)
    code, out, error = call(capsys, "tensorboard", sweep)
    names = sorted(path.name for path in REFERENCE.iterdir())
    assert (code, error) == (0, "")
    assert out.splitlines() == [f"mirrored: {name}: complete" for name in names]
    for name in names:
        want = expected(sweep / name)
        found = shown(sweep / ".tensorboard" / name)
        assert {key: found[key] for key in want} == want
    code, out, _ = call(capsys, "tensorboard", sweep)
    assert (code, len(out.splitlines())) == (0, 6), "the mirror is no run, and a second time changes nothing"


def test_a_mirror_of_the_records_is_the_mirror_of_the_run(capsys, small, tmp_path):
    outcome = run(small("epochs=2", "regularizer=spectral_mask", "tracker=tensorboard"))
    folder = outcome.directory.parent / ".tensorboard" / outcome.directory.name
    live = shown(folder)
    assert call(capsys, "tensorboard", outcome.directory, f"folder={tmp_path}/again")[0] == 0
    assert shown(tmp_path / "again" / "runs" / outcome.directory.name) == live


def test_into_mlflow_twice_changes_nothing(capsys, small, place, tmp_path):
    mlflow = pytest.importorskip("tests.tracker.test_mlflow")
    file = place(tmp_path / "store.db")
    outcome = run(small("epochs=2", "tracker=mlflow", f"tracker.mlflow.uri=sqlite:///{file}"))
    states = []
    for _ in range(2):
        client, (found,) = mlflow.runs_in(file)
        states.append(
            (found.info.run_id, found.info.status, found.data.params, mlflow.history(client, found.info.run_id))
        )
        code, _, error = call(capsys, "mlflow", outcome.directory, f"uri=sqlite:///{file}")
        assert (code, error) == (0, "")
    assert states[0] == states[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["mflow", "."],
            "error: tracker=mflow: no such option; the options of tracker are mlflow, tensorboard; did you",
        ),
        (["tensorboard", "nowhere"], "error: nowhere: no records here; give a run's folder or a sweep's"),
        (["tensorboard", ".", "layer=all"], "error: tracker.tensorboard.layer: unknown key"),
        (["mlflow", ".", "uri=foo"], "error: tracker.mlflow.uri=foo: expected null or a URI"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, error = call(capsys, *arguments)
    assert code == 2
    assert error.startswith(message)
    assert len(error.splitlines()) == 1


def test_what_cannot_be_mirrored_is_named_and_the_rest_is(capsys, tmp_path):
    sweep = tmp_path / "sweep"
    shutil.copytree(REFERENCE, sweep)
    first, second, *others = sorted(sweep.iterdir())
    (first / "ssr.parquet").write_bytes(b"garbage")
    (second / "run.parquet").write_bytes(b"garbage")
    code, out, error = call(capsys, "tensorboard", sweep)
    assert code == 1
    assert error.splitlines() == [
        f"not mirrored: {first}: cannot be read: ssr.parquet",
        f"not mirrored: {second}: cannot be read: run.parquet",
    ]
    assert len(out.splitlines()) == len(others)


def test_a_run_whose_process_is_gone_is_shown_as_killed(capsys, tmp_path):
    sweep = tmp_path / "sweep"
    directory = sorted(REFERENCE.iterdir())[0]
    shutil.copytree(directory, sweep / directory.name)
    set_status(sweep / directory.name, "running", "")
    assert call(capsys, "tensorboard", sweep)[1] == f"mirrored: {directory.name}: killed\n"
