"""What every tracker must keep, for every YAML in conf/tracker: a newcomer is tested from the moment it exists."""

import importlib
import importlib.util
import inspect
import subprocess
import sys

import pytest

from frequency_reg.compose import make_plan
from frequency_reg.config import ConfigError, instantiate
from frequency_reg.experiment import build
from frequency_reg.records import content_digest, run_directories
from frequency_reg.run import run
from frequency_reg.run_id import flat_config, identity, run_name
from frequency_reg.tracker.base import Origin, Tracker
from sweeps import clean, folder
from tests.contract.house import ROOT, node, variants
from tests.test_cli import call

NAMES = variants("tracker")
each = pytest.mark.parametrize("name", NAMES)


def constructor(name):
    module, _, attribute = node("tracker", name)[name]["_target_"].rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def build_one(name):
    """The tracker by its YAML; skipped where its packages are not installed."""
    try:
        return instantiate(make_plan([f"tracker={name}"], multirun=False).runs[0].tracker[name])
    except ConfigError as error:
        pytest.skip(str(error))


def test_there_are_trackers():
    assert {"tensorboard", "mlflow"} <= set(NAMES)


@each
def test_name_locates_code_and_test(name):
    assert list(node("tracker", name)) == [name], "one entry, named like the file, so that trackers compose"
    assert node("tracker", name)[name]["_target_"].rpartition(".")[0] == f"frequency_reg.tracker.{name}"
    assert (ROOT / "tests" / "tracker" / f"test_{name}.py").is_file()


@each
def test_yaml_holds_every_parameter_and_the_docstring_tells_of_each(name):
    parameters = inspect.signature(constructor(name)).parameters
    assert list(node("tracker", name)[name]) == ["_target_", *parameters]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values())
    assert all(p.default is inspect.Parameter.empty for p in parameters.values())
    text = inspect.getdoc(constructor(name)) or ""
    assert "Source:" in text
    assert all(f"    {parameter}: " in text for parameter in parameters)
    assert issubclass(constructor(name), Tracker)


def test_every_file_has_a_yaml_or_is_imported_by_one_that_has():
    files = {path.stem: path.read_text() for path in (ROOT / "frequency_reg" / "tracker").glob("*.py")}
    for file in set(files) - set(NAMES) - {"__init__", "__main__"}:
        assert any(f"from frequency_reg.tracker.{file} import" in text for text in files.values()), file


@each
def test_a_tracker_is_no_part_of_the_identity(name):
    plain, tracked = (make_plan(o, multirun=False).runs[0] for o in ([], [f"tracker={name}"]))
    assert tracked.tracker[name]["_target_"].startswith(f"frequency_reg.tracker.{name}.")
    assert identity(plain) == identity(tracked)
    assert run_name(plain) == run_name(tracked)
    assert flat_config(plain) == flat_config(tracked)


def test_several_compose_and_the_default_is_none():
    assert make_plan([], multirun=False).runs[0].tracker == {}
    both = make_plan([f"tracker=[{','.join(NAMES)}]"], multirun=False).runs[0]
    assert sorted(both.tracker) == NAMES


def test_their_packages_are_not_imported_before_they_are_used():
    code = (
        "import sys; from frequency_reg.compose import make_plan; from frequency_reg.config import instantiate\n"
        f"nodes = make_plan(['tracker=[{','.join(NAMES)}]'], multirun=False).runs[0].tracker\n"
        f"assert sorted(nodes) == {NAMES}\n"
        "for node in nodes.values():\n"
        "    try:\n        instantiate(node)\n    except Exception:\n        pass\n"
        "print([m for m in ('mlflow', 'sqlalchemy', 'tensorboard', 'wandb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@each
def test_a_missing_package_is_bad_input_before_anything_runs(name, monkeypatch, capsys, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == name else find(n, *a))
    code, _, error = call(monkeypatch, capsys, tmp_path, f"tracker={name}", "epochs=1")
    assert code == 2
    assert error == (
        f"error: tracker={name}: not installed: {name}; pip install 'frequency-reg[trackers]', or leave {name} out\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tracker=[mflow]", "tracker=mflow: no such option; the options of tracker are mlflow, tensorboard; did you"),
        ("tracker.mlflow.uri=x", "tracker.mlflow.uri: unknown key; it comes with tracker=[mlflow]"),
    ],
)
def test_a_misspelled_choice_is_refused_with_the_valid_ones(override, message):
    with pytest.raises(ConfigError) as error:
        make_plan([override], multirun=False)
    assert str(error.value).startswith(message)


@each
def test_a_misspelled_or_wrong_key_is_refused(name):
    with pytest.raises(ConfigError, match=f"tracker.{name}.layer: unknown key; .*did you mean layers?"):
        make_plan([f"tracker={name}", f"tracker.{name}.layer=all"], multirun=False)
    with pytest.raises(ConfigError, match=f"tracker.{name}.layers=some: input should be 'ends' or 'all'"):
        make_plan([f"tracker={name}", f"tracker.{name}.layers=some"], multirun=False)


@each
def test_building_touches_no_file(name, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    build_one(name)
    config = small(f"tracker={name}")
    build(config, identity(config))
    assert not list(tmp_path.iterdir())


@each
@pytest.mark.usefixtures("tables_there")
def test_a_mirrored_run_is_one_run_with_the_same_records(name, small, tmp_path, monkeypatch, caplog):
    build_one(name)
    monkeypatch.chdir(tmp_path)
    plain = run(small("epochs=1", "name=plain"))
    tracked = run(small("epochs=1", "name=tracked", f"tracker={name}"))
    assert caplog.records == []
    assert content_digest(plain.directory) == content_digest(tracked.directory)
    assert tracked.directory.name == plain.directory.name
    sweep = tracked.directory.parent
    assert {p.name for p in tracked.directory.iterdir()} == {p.name for p in plain.directory.iterdir()}
    assert [p.name for p in sweep.iterdir() if p != tracked.directory], "the mirror is in the sweep's folder"
    assert [p.name for p in tmp_path.iterdir()] == ["outputs"], "and nowhere else"
    assert run_directories(sweep) == [tracked.directory]
    found = folder.read(sweep)
    assert [[r.name for r in s.runs] for s in found] == [[tracked.directory.name]]
    kinds = {item.path.parent for item in clean.superfluous(found[0])}
    assert kinds == {tracked.directory}, "clean removes checkpoints of the run only"


@each
@pytest.mark.usefixtures("tables_there")
def test_strange_names_and_texts_do_no_harm(name, tmp_path, monkeypatch):
    tracker = build_one(name)
    directory = tmp_path / "outputs" / "strange" / "run"
    directory.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    config = {"a": None, "b": True, "c": "x" * 10_000, "<script>": "<script>alert(1)</script>", "regularizer": "a+b"}
    tracker.start(Origin("0123", directory, config, 1000.0))
    layers = ["", "..", "a/../b", "/etc", "ä ß", "x" * 400, "a\nb", "%s"]
    tracker.rows(
        "regularizer", {"epoch": 0, "layer": layers, "quantity": "q'\"", "value": [float(i) for i in range(8)]}
    )
    tracker.rows("mine", {"epoch": 0, "value": [float("nan"), float("inf"), None]})
    tracker.publish()
    tracker.end({"status": "failed", "status_detail": "<b>bad</b>\n# 'quoted' \"text\"", "epoch": 0})
    tracker.close()
    tracker.close()
    assert list(directory.iterdir()) == [], "the run's own folder is the records'"
    assert [p.name for p in tmp_path.iterdir()] == ["outputs"]
