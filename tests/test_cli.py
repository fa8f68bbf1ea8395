"""The command line as a user meets it: plans, error texts, exit codes, and nothing left behind."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from frequency_reg import cli, records
from tests.conftest import SMALL
from tests.contract.house import variants

FUNCTION = ("dataset=sinusoids", "model=mlp", "model.hidden=[8]", "corruption=[]", "probe=[]")
BAD_INPUT = [
    (["regularizer.strenght=1"], "error: regularizer.strenght: unknown key; the chosen regularizer has no keys"),
    (
        ["regularizer=weight_decay", "regularizer.weight_deacy=1"],
        "error: regularizer.weight_deacy: unknown key; the keys of regularizer are decoupled, weight_decay; "
        "did you mean weight_decay?",
    ),
    (
        ["regularizer.weight_decay=1e-3"],
        "error: regularizer.weight_decay: unknown key; the chosen regularizer has no keys; "
        "regularizer=weight_decay or weight_decay_1e-2 has weight_decay",
    ),
    (["regularizer=[none,weight_decay]"], "error: regularizer=[none,weight_decay]: none cannot be combined"),
    (["dataset=[digits,bands]"], "error: dataset=[digits,bands]: dataset takes one option"),
    (["study=null"], "error: "),
    (["--cfg", "job", "epoch=3"], "error: epoch: unknown key"),
    (["regularizer=weight_decay", "weight_decay=1e-3"], "trusted_packages; did you mean regularizer.weight_decay?"),
    (
        ["optimizer.weight_decay=1e-3"],
        "error: optimizer.weight_decay: unknown key; the keys of optimizer are lr, momentum, nesterov; "
        "regularizer=weight_decay or weight_decay_1e-2 has regularizer.weight_decay",
    ),
    (["--dry-run"], "error: --dry-run: unknown option; the options are -m, --plan, --multirun, --cfg, --config-dir, "),
    (["--paln"], "did you mean --plan?"),
    (
        ["hydra.launcher.time_limit=1"],
        "error: hydra.launcher.time_limit=1: a single run has no launcher and no sweeper; with -m it is a sweep of one",
    ),
    (["hydra/sweeper=optuna"], "error: hydra/sweeper=optuna: a single run has no launcher and no sweeper"),
    (["seed=1", "--cfg", "job", "epochs=3"], "error: epochs=3: give options such as --cfg before the first KEY=VALUE"),
    (
        ["report", "outputs/x"],
        "write KEY=VALUE, and a list as 'KEY=[A,B]'; results: python -m analysis report outputs/",
    ),
    (["status"], "; sweeps: python -m sweeps status outputs/NAME"),
    (["help"], "; frequency-reg --help lists groups and keys"),
    (["--config-name=other"], "error: --config-name=other: the root configuration is fixed"),
    (["-m", "model=resnet20,lenet"], "error: model.padding=0: 8 x 8 images are too small"),
    (["runtime.device=cuda"], "error: runtime.device=cuda: no CUDA device is available here"),
    (["+typo=1"], "error: typo: unknown key; the keys are batch_size, corruption,"),
    (["epoch=3"], "did you mean epochs?"),
    (["regularzier=none"], "error: regularzier: unknown key; the keys are"),
    (["epochs=x"], "error: epochs=x: input should be a valid integer"),
    (
        ["model=resnet21"],
        "error: model=resnet21: no such option; the options of model are lenet, mlp, resnet18, resnet20, resnet50, "
        "vit; did you mean resnet20?",
    ),
    (["seed=1,2"], "error: seed=1,2: several values make a sweep; add -m, or quote a list as [A,B]"),
    (["-m", "seed="], "error: seed=: no value given; write KEY=VALUE, or with -m KEY=VALUE,VALUE"),
    (["-m", "seed=range(0,0)"], "error: the sweep over seed is empty; give each key at least one value"),
    (
        ["-m", "regularizer=weight_decay", "regularizer.weight_decay=1e-3,-1"],
        "error: regularizer.weight_decay=-1: input should be greater than or equal to 0",
    ),
    (
        ["-m", "seed=0,1", "hydra.launcher.wokers=2"],
        "error: hydra.launcher.wokers: unknown key; the keys of hydra.launcher are max_failures, memory_limit, "
        "retries, runs_per_gpu, threads, time_limit, workers; did you mean workers?",
    ),
    (["-m", "seed=0,1", "hydra.launcher.workers=0"], "error: hydra.launcher.workers=0: input should be greater than"),
    (["-m", "seed=0,1", "hydra/launcher=locl"], "error: hydra/launcher=locl: no such option; the options of hydra/lau"),
    (["-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=0", "seed=0,1"], "error: hydra.sweeper.n_trials=0: input"),
    (
        ["-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trails=3", "optimizer.lr=interval(.1,1)"],
        "error: hydra.sweeper.n_trails: unknown key; the keys of hydra.sweeper are n_trials, objectives, parallel, "
        "params, prune_on, pruner, retry, sampler, seed, seeds, storage, study_name; did you mean n_trials?",
    ),
    (
        [
            "-m",
            "hydra/sweeper=optuna",
            "optimizer.lr=interval(.1,1)",
            "hydra.sweeper.objectives={clean_accuracy:maximize}",
        ],
        "test data never selects",
    ),
    (
        ["-m", "hydra/sweeper=optuna", "optimizer.lr=interval(.1,1)", *FUNCTION],
        "error: hydra.sweeper.objectives.validation_accuracy: this data set has values to fit; use "
        "hydra.sweeper.objectives={validation_loss:minimize}",
    ),
    (
        [
            *("-m", "hydra/sweeper=optuna", "optimizer.lr=interval(.1,1)", "model=lenet", "model.padding=2"),
            "hydra.sweeper.objectives={ssr/first/absolute_folded/epoch_1:minimize}",
        ],
        "error: hydra.sweeper.objectives.ssr/first/absolute_folded/epoch_1: no batch norm follows conv1 whose gain",
    ),
    (["-m", "hydra/sweeper=optuna", "optimizer.lr=interval(.1,1)", "seed=0,1"], "write hydra.sweeper.seeds=[0,1,2]"),
    (
        ["-m", "hydra/sweeper=optuna", "optimizer.l=interval(0,1)"],
        "error: optimizer.l: unknown key; the keys of optimizer are lr, momentum, nesterov; did you mean lr?",
    ),
    (["-m", "hydra/sweeper=optuna", "optimizer.lr=interval(0,-1)"], "expected interval(LOW,HIGH) with LOW <= HIGH"),
    (["-m", "hydra/sweeper=optuna", "batch_size=int(interval(0,9))"], "error: batch_size=0: input should be greater"),
    (
        ["-m", "hydra/sweeper=optuna", "optimizer.lr=interval(.1,1)", "hydra.sweeper.storage=foo://x"],
        "hydra.sweeper.storage=foo://x",
    ),
    (["-m", "seed=interval(0,1)"], "error: seed=interval(0,1): an interval is for a search; add hydra/sweeper=optuna"),
    (["runtime.precision=fp16"], "error: runtime.precision=fp16: input should be 'auto', 'fp32' or 'bf16'"),
    (["name=../x"], "error: name=../x: expected at most 100 letters, digits and"),
    (["bad"], "error: bad: not a valid override; write KEY=VALUE"),
    (["--config-dir=/nowhere"], "error: --config-dir=/nowhere: no such folder"),
    (["dataset=cifar10", "dataset.root=/nowhere"], "error: dataset.root=/nowhere: no CIFAR-10 here"),
    (["dataset=mnist", "dataset.root=/nowhere"], "error: dataset.root=/nowhere"),
    (["outputs=/proc/x"], "error: outputs=/proc/x: cannot be written"),
    (["model=lenet"], "error: model.padding=0: 8 x 8 images are too small for LeNet's two 5 x 5"),
    (
        ["dataset=sinusoids", "model=mlp"],
        "only for classifiers of images, and this data set has values to fit; use corruption=[]",
    ),
    (["model=mlp", "regularizer=spectral_mask"], "error: regularizer=spectral_mask: MLP has no block convolutions"),
    (["seed=9223372036854775808"], "error: seed=9223372036854775808: expected a whole number of at most 64 bits"),
    (["optimizer.lr=nan"], "error: optimizer.lr=nan: expected a finite number"),
    (["optimizer.lr=abc"], "error: optimizer.lr=abc: input should be a valid number\n"),
    (["dataset=null"], "error: dataset=null: no such option; the options of dataset are bands, cifar10,"),
    (["corruption=null"], "zoom_blur; corruption=[] chooses none of them"),
    (
        ["model=resnet18", "model.width=2", "batch_size=8"],
        "error: batch_size=8: 1,097 training images leave a batch of one image, of which batch norm at 1 x 1 px can "
        "take no deviation; choose another, such as batch_size=9",
    ),
    (
        ["dataset=manifold_sinusoids", "model=mlp", "regularizer=gaussian_augmentation", "corruption=[]", "probe=[]"],
        "error: regularizer=gaussian_augmentation: clips what it changes to [0, 1], and the points of this data set",
    ),
]


def call(monkeypatch, capsys, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command in this process, in ``folder``; returns exit code, stdout, stderr."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["frequency-reg", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    out = capsys.readouterr()
    return int(end.value.code or 0), out.out, out.err


@pytest.mark.parametrize(("arguments", "message"), BAD_INPUT, ids=lambda value: " ".join(value)[:40])
def test_bad_input_is_one_message_exit_code_2_and_leaves_nothing(monkeypatch, capsys, tmp_path, arguments, message):
    code, _, error = call(monkeypatch, capsys, tmp_path, *arguments)
    assert message in error
    assert code == 2
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_plan_composes_counts_and_lists_and_runs_nothing(monkeypatch, capsys, tmp_path):
    arguments = ["-m", "regularizer=weight_decay", "regularizer.weight_decay=0,1e-3", "seed=0,1,2", "--plan"]
    code, out, _ = call(monkeypatch, capsys, tmp_path, *arguments)
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "6 runs in outputs/runs: 0 finished, 6 to do"
    assert "  regularizer.weight_decay: 0.0, 0.001" in lines
    assert "  seed: 0, 1, 2" in lines
    assert len([line for line in lines if "to do     digits-resnet20-weight_decay=" in line]) == 6
    assert max(map(len, lines)) <= 80
    assert not list(tmp_path.iterdir())


def test_plan_of_a_search_says_what_it_varies_and_at_most_costs(monkeypatch, capsys, tmp_path):
    varied = ["regularizer=none,dropout", "regularizer.dropout=interval(.1,.5)", "epochs=range(2,10,2)"]
    sweeper = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=7", "hydra.sweeper.seeds=[0,1]"]
    code, out, _ = call(monkeypatch, capsys, tmp_path, "-m", *sweeper, *varied, "--plan")
    assert code == 0
    assert out.splitlines() == [
        "search of 7 trials x 2 seeds in outputs/runs",
        "cost: at most 14 runs, 112 epochs",
        "  regularizer: none, dropout",
        "  regularizer.dropout: 0.1 to 0.5",
        "  epochs: 2 to 8 in steps of 2",
    ]
    assert not list(tmp_path.iterdir())


def test_plan_says_when_combinations_are_equal(monkeypatch, capsys, tmp_path):
    _, out, _ = call(monkeypatch, capsys, tmp_path, "-m", "seed=0,1", "runtime.threads=1,2", "--plan")
    assert "2 runs in outputs/runs" in out
    assert "(2 combinations equal to another one left out)" in out


def test_a_sweep_runs_skips_what_is_complete_and_exits_0(monkeypatch, capsys, tmp_path):
    arguments = [*SMALL, "-m", "seed=0,1", "name=s"]
    code, out, _ = call(monkeypatch, capsys, tmp_path, *arguments)
    assert code == 0
    assert "2 of 2 runs complete" in out
    assert "python -m analysis report outputs/s" in out
    before = {p: p.read_bytes() for p in (tmp_path / "outputs").rglob("*.parquet")}
    code, out, shown = call(monkeypatch, capsys, tmp_path, *arguments)
    assert code == 0
    assert "2 of 2 runs complete" in out
    assert "2 of 2 runs there already" in shown
    assert before == {p: p.read_bytes() for p in (tmp_path / "outputs").rglob("*.parquet")}
    _, out, _ = call(monkeypatch, capsys, tmp_path, *arguments, "--plan")
    assert out.startswith("2 runs in outputs/s: 2 finished, 0 to do")


def test_a_changed_default_makes_other_runs_and_is_said(monkeypatch, capsys, tmp_path):
    call(monkeypatch, capsys, tmp_path, *SMALL, "name=s", "seed=0")
    changed = [*SMALL, "name=s", "seed=0", "evaluation.seed=3", "batch_size=128"]
    notice = (
        "note: 1 run here with the name of a planned one, but with evaluation.seed 0, now 3; batch_size 256, now 128; "
        "left alone and not counted"
    )
    code, out, _ = call(monkeypatch, capsys, tmp_path, *changed, "--plan")
    assert (code, notice in out.splitlines()) == (0, True)
    code, _, error = call(monkeypatch, capsys, tmp_path, *changed)
    assert (code, notice in error.splitlines()) == (0, True)
    code, _, error = call(monkeypatch, capsys, tmp_path, *changed)
    assert (code, "note:" in error) == (0, False), "the planned run is there now"
    assert len(list((tmp_path / "outputs" / "s").glob("digits*"))) == 2


def test_a_grid_gives_a_key_to_the_options_that_have_it(monkeypatch, capsys, tmp_path):
    swept = ["regularizer=none,weight_decay,dropout", "regularizer.weight_decay=1e-4,1e-3", "regularizer.dropout=.1,.3"]
    code, out, _ = call(monkeypatch, capsys, tmp_path, "-m", *swept, "seed=0,1", "--plan")
    assert code == 0
    names = re.findall(r"digits-resnet20-(.*)-seed=\d", out)
    strengths = ["none", "weight_decay=0.0001", "weight_decay=0.001", "dropout=0.1", "dropout=0.3"]
    assert names == [name for name in strengths for _ in range(2)]
    code, _, error = call(monkeypatch, capsys, tmp_path, "-m", *swept, "regularizer.drop_out=.1,.3", "--plan")
    assert code == 2
    assert "regularizer.drop_out: unknown key" in error


ROWS = """# @package _global_
name: rows
hydra:
  mode: MULTIRUN
  sweeper:
    params:
      regularizer.weight_decay: choice(1e-3)
      seed: 0,1
    rows:
      - {regularizer: none}
      - {regularizer: "[dropout,weight_decay]", regularizer.dropout: "0.1,0.2"}
      - {regularizer: weight_decay, standardize_input: false}
"""


def test_rows_of_a_sweep_are_grids_of_their_own(monkeypatch, capsys, tmp_path):
    (tmp_path / "own" / "study").mkdir(parents=True)
    (tmp_path / "own" / "study" / "rows.yaml").write_text(ROWS)
    command = ("--config-dir", str(tmp_path / "own"), "study=rows")
    code, out, _ = call(monkeypatch, capsys, tmp_path, *command, "--plan")
    names = re.findall(r"digits-resnet20-(.*)-seed=\d", out)
    both = [f"dropout={p}+weight_decay=0.001" for p in (0.1, 0.2)]
    assert (code, out.splitlines()[0]) == (0, "8 runs in outputs/rows: 0 finished, 8 to do")
    assert names == ["none", "none", both[0], both[1], both[0], both[1], "weight_decay=0.001", "weight_decay=0.001"]
    assert "  standardize_input: True, False" in out.splitlines()
    code, out, _ = call(monkeypatch, capsys, tmp_path, *command, "seed=3", "standardize_input=true", "--plan")
    assert (code, len(re.findall(r"to do     digits-resnet20-.*-seed=3", out))) == (0, 4)


def test_a_diverged_run_does_not_stop_the_others_but_the_exit_code(monkeypatch, capsys, tmp_path):
    arguments = [*SMALL, "-m", "optimizer.lr=1e30,0.1", "name=s", "model=mlp", "probe={}"]
    arguments = [a for a in arguments if not a.startswith(("probe.", "model.width", "model=resnet"))]
    code, out, error = call(monkeypatch, capsys, tmp_path, *arguments)
    assert code == 1
    assert "1 of 2 runs complete" in out
    assert "diverged" in error
    statuses = records.read(tmp_path / "outputs" / "s")["run"]["status"].to_pylist()
    assert sorted(statuses) == ["complete", "diverged"]


def test_a_users_own_regularizer_needs_no_edit_of_ours(monkeypatch, capsys, tmp_path):
    """One Python file and one YAML in a folder of the user's: chosen by name, trusted by name."""
    (tmp_path / "mine.py").write_text(
        "from frequency_reg.regularizer.base import Regularizer\n"
        "class Mine(Regularizer):\n"
        "    def __init__(self, *, mine: float) -> None:\n"
        "        self.mine = mine\n"
    )
    (tmp_path / "conf" / "regularizer").mkdir(parents=True)
    (tmp_path / "conf" / "regularizer" / "mine.yaml").write_text("_target_:\n  mine: mine.Mine\nmine: 0.5\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    command = ["--config-dir=conf", "regularizer=mine", "--plan"]
    code, _, error = call(monkeypatch, capsys, tmp_path, *command)
    assert code == 2
    assert "add a package of yours with trusted_packages=[PACKAGE]" in error
    code, out, _ = call(monkeypatch, capsys, tmp_path, *command, "trusted_packages=[mine]", "regularizer.mine=0.25")
    sys.modules.pop("mine", None)
    assert code == 0
    assert "digits-resnet20-mine=0.25-seed=0-" in out


def test_help_lists_groups_and_keys_without_torch(tmp_path):
    code = "import sys; sys.argv=['frequency-reg','--help']\nfrom frequency_reg import cli\ntry:\n    cli.main()\n"
    code += "except SystemExit as e:\n    print('exit', e.code, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"regularizer: {', '.join(variants('regularizer'))}" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.split("Every key")[0].splitlines())) <= 100
    assert "epochs: 15" in done.stdout
    assert "  frequency-reg evaluate RUN ... " in done.stdout
    assert done.stdout.strip().endswith("exit 0 False")


def test_version_and_composed_configuration(monkeypatch, capsys, tmp_path):
    assert call(monkeypatch, capsys, tmp_path, "--version")[1].strip() == "0.1.0"
    _, out, _ = call(monkeypatch, capsys, tmp_path, "--cfg", "job", "seed=7")
    assert "seed: 7" in out
