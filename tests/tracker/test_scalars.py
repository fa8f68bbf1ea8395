"""Which numbers of the records are shown, under which names; expectations are written out by hand."""

import math

import pytest

from frequency_reg.records import TABLES
from frequency_reg.tracker.base import Origin
from frequency_reg.tracker.scalars import ScalarTracker


class Shown(ScalarTracker):
    """Keeps what a tool would show."""

    def __init__(self, *, layers="ends"):
        super().__init__(layers=layers)
        self.scalars = []
        self.ended = None

    def open(self, origin):
        self.origin = origin

    def log(self, scalars):
        self.scalars += scalars

    def conclude(self, row, scalars, seconds):
        self.scalars += scalars
        self.ended = (row["status"], seconds)

    def values(self):
        return {(s.name, s.step): s.value for s in self.scalars}


@pytest.fixture
def shown(tmp_path):
    def start(layers="ends", started=1000.0):
        tracker = Shown(layers=layers)
        tracker.start(Origin("id", tmp_path / "sweep" / "run", {}, started))
        return tracker

    return start


EPOCH = {
    "epoch": 1,
    "train_loss": 0.5,
    "train_accuracy": 0.75,
    "validation_loss": 0.625,
    "validation_accuracy": 0.5,
    "learning_rate": 0.1,
    "train_seconds": 2.0,
}


def ssr(layer, depth, *, epoch=1, reference="init", value=0.25):
    return {
        "epoch": epoch,
        "layer": layer,
        "depth": depth,
        "normalization": ["dc", "energy"],
        "reference": reference,
        "value": [value, None],
        "status": ["ok", "not_finite"],
    }


def test_every_number_of_an_epoch_under_its_column(shown):
    tracker = shown()
    tracker.rows("epochs", EPOCH)
    assert tracker.scalars == [], "nothing is shown before the records are published"
    tracker.publish()
    expected = {(f"epochs/{name}", 1): value for name, value in EPOCH.items() if name != "epoch"}
    assert tracker.values() == expected
    tracker.publish()
    assert len(tracker.scalars) == len(expected), "nothing twice"


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_what_does_not_exist_is_not_shown(shown, missing):
    tracker = shown()
    tracker.rows("epochs", {**EPOCH, "epoch": 0, "train_loss": missing, "learning_rate": None})
    tracker.publish()
    assert {name for name, _ in tracker.values()} == {
        "epochs/train_accuracy",
        "epochs/validation_loss",
        "epochs/validation_accuracy",
        "epochs/train_seconds",
    }


def test_ssr_of_the_first_and_the_last_layer_or_of_all(shown):
    for layers, names in (("ends", ["first", "last"]), ("all", ["stem", "block.0", "block.1"])):
        tracker = shown(layers)
        for depth, layer in enumerate(("stem", "block.0", "block.1")):
            tracker.rows("ssr", ssr(layer, depth, value=depth / 4))
        tracker.publish()
        values = (0.0, 0.5) if layers == "ends" else (0.0, 0.25, 0.5)
        assert tracker.values() == {(f"ssr/dc/init/{n}", 1): v for n, v in zip(names, values, strict=True)}


def test_a_single_layer_is_the_first_and_the_last(shown):
    tracker = shown()
    tracker.rows("ssr", ssr("only", 0, reference="epoch_1"))
    tracker.publish()
    assert tracker.values() == {("ssr/dc/epoch_1/first", 1): 0.25, ("ssr/dc/epoch_1/last", 1): 0.25}


def test_names_do_not_depend_on_the_order_of_columns(shown):
    tracker = shown()
    tracker.rows("ssr", dict(reversed(ssr("only", 0).items())))
    tracker.rows("mine", {"b": "second", "epoch": 3, "a": ["first"], "value": [0.125]})
    tracker.publish()
    assert set(tracker.values()) == {("ssr/dc/init/first", 1), ("ssr/dc/init/last", 1), ("mine/first/second", 3)}


def test_high_band_share_is_that_of_the_ring_energy(shown):
    tracker = shown()
    rings = {"kernel": 3, "radius": [0.0, 1.0, 2**0.5], "multiplicity": [1, 4, 4], "power": [2.0, 1.0, 0.5]}
    tracker.rows("spectra", {"epoch": 2, "layer": "stem", "depth": 0, **rings})
    tracker.rows(
        "spectra", {"epoch": 2, "layer": "1x1", "depth": 1, **{k: [v[0]] for k, v in rings.items() if k != "kernel"}}
    )
    tracker.publish()
    share = (4 * 1.0 + 4 * 0.5) / (2 + 4 + 2)
    assert tracker.values() == {("spectra/high_band_share/first", 2): share, ("spectra/high_band_share/last", 2): share}


def test_a_regularizers_quantities_and_the_accuracies_by_severity(shown):
    tracker = shown()
    tracker.rows("regularizer", {"epoch": 1, "layer": ("a", "b"), "quantity": "share_removed", "value": (0.5, 0.25)})
    noise = {"split": "test", "corruption": "gaussian_noise", "parameter_unit": "sigma", "loss": 1.0, "n": 500}
    for severity, accuracy in enumerate((0.9, 0.8, 0.4)):
        tracker.rows("robustness", {**noise, "severity": severity, "parameter": None, "accuracy": accuracy})
    tracker.publish()
    assert tracker.values() == {
        ("regularizer/share_removed/a", 1): 0.5,
        ("regularizer/share_removed/b", 1): 0.25,
        ("robustness/test/gaussian_noise", 0): 0.9,
        ("robustness/test/gaussian_noise", 1): 0.8,
        ("robustness/test/gaussian_noise", 2): 0.4,
    }


def test_tables_without_epochs_and_values_are_left_out(shown):
    tracker = shown()
    tracker.rows(
        "ssr_null", {"layer": "a", "depth": 0, "normalization": "dc", "draw": range(3), "value": [0.1, 0.2, 0.3]}
    )
    tracker.rows("of_a_probe", {"epoch": 1, "text": "no number"})
    tracker.publish()
    assert tracker.scalars == []


def test_the_end_shows_the_run_row_and_what_was_kept(shown):
    tracker = shown()
    tracker.rows("epochs", EPOCH)
    row = {"epoch": 1, "status": "complete", "clean_accuracy": 0.875, "clean_loss": None, "parameters": 7}
    tracker.end({**row, "evaluate_seconds": 0.5, "peak_memory": 99, "config.seed": 3, "provenance.cores": 2})
    found = {key: value for key, value in tracker.values().items() if key[0].startswith("run/")}
    assert found == {
        ("run/clean_accuracy", 1): 0.875,
        ("run/parameters", 1): 7.0,
        ("run/evaluate_seconds", 1): 0.5,
        ("run/peak_memory", 1): 99.0,
    }
    assert ("epochs/train_loss", 1) in tracker.values()
    assert tracker.ended == ("complete", 1002.5)


def test_times_are_the_training_time_so_far_and_never_in_the_future(shown):
    tracker = shown()
    for epoch in (1, 2):
        tracker.rows("epochs", {**EPOCH, "epoch": epoch})
        tracker.publish()
    assert {s.step: s.seconds for s in tracker.scalars} == {1: 1002.0, 2: 1004.0}
    late = shown(started=4e12)
    late.rows("epochs", EPOCH)
    late.publish()
    assert all(s.seconds < 4e12 for s in late.scalars)


def test_definitions_and_what_is_measured_come_from_the_schemas(shown):
    tracker = shown()
    tracker.rows("epochs", EPOCH)
    tracker.publish()
    by_name = {s.name: s for s in tracker.scalars}
    assert by_name["epochs/validation_accuracy"].definition == "accuracy on the validation split after the epoch"
    assert by_name["epochs/train_seconds"].definition == "wall time of the epoch's updates [s]"
    measured = {f"epochs/{f.name}" for f in TABLES["epochs"] if (f.metadata or {}).get(b"measured")}
    assert {name for name, scalar in by_name.items() if scalar.measured} == measured == {"epochs/train_seconds"}
