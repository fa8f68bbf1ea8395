"""What a search may aim at, and that it reads validation data only."""

import pytest

from frequency_reg.config import ConfigError
from frequency_reg.probe.kernel_spectrum import REFERENCES as REFERENCES_RECORDED
from frequency_reg.recordable import Convolution, Recordable
from frequency_reg.spectrum import NORMALIZATIONS as NORMALIZATIONS_RECORDED
from sweeps.objective import (
    NORMALIZATIONS,
    REFERENCES,
    Objective,
    check_objective,
    check_recordable,
    learning_curve,
    measure,
    objectives_of,
)
from tests.sweeps.fake_runs import EPOCHS, LAYERS, accuracy, bench


@pytest.fixture
def here(tmp_path):
    with bench(tmp_path) as made:
        yield made


@pytest.fixture
def config(here):
    """A run with learning rate .1, two severities of noise, on test and validation data."""
    return here.composer.config([*here.fixed, "seed=0", "optimizer.lr=0.1"])


def test_names_are_those_that_are_recorded():
    assert (*NORMALIZATIONS_RECORDED, "absolute_folded") == NORMALIZATIONS
    assert tuple(REFERENCES_RECORDED) == REFERENCES


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("validation_accuracy", 0.75),  # .8 * 15/16
        ("validation_loss", 0.25),
        ("robustness/gaussian_noise/1", 0.45),  # .5 - .1 - .05 log10(.1)
        ("robustness/gaussian_noise/2", 0.35),
        ("robustness/gaussian_noise", 0.4),
        ("robustness", 0.4),
        ("ssr/first/dc/init", 0.4),  # epoch 4 * depth 1 * .1
        ("ssr/last/dc/init", 0.8),
        ("ssr/stem/dc/init", 0.4),
        ("ssr/block.conv/dc/init", 0.8),
        ("ssr/first/total/init", None),  # not recorded by this run
    ],
)
def test_values_by_hand(here, config, name, expected):
    outcome = here.runs().run(config)
    found = measure(outcome.directory, [name])
    assert found == {name: expected if expected is None else pytest.approx(expected)}


def test_robustness_is_the_mean_over_corruptions_of_the_means_over_severities(tmp_path):
    from frequency_reg.records import RunWriter

    writer = RunWriter(tmp_path, "r")
    nothing = {"parameter": None, "parameter_unit": "", "loss": 0.0, "n": 1, "split": "validation"}
    for corruption, accuracies in {"blur": [0.9, 0.6, 0.3, 0.0], "noise": [0.9, 0.8]}.items():
        for severity, value in enumerate(accuracies):
            row = {"corruption": corruption, "severity": severity, "accuracy": value}
            writer.add("robustness", {**nothing, **row})
    writer.set_run({"status": "complete"})
    writer.publish()
    # (.3 + .8) / 2, where the mean over all rows would be .425; severity 0 is the clean set and left out.
    assert measure(tmp_path, ["robustness"]) == {"robustness": pytest.approx(0.55)}
    assert measure(tmp_path, ["validation_loss"]) == {"validation_loss": None}


def test_the_last_layer_is_the_last_with_a_high_band(tmp_path):
    """A convolution of 1 x 1 after it has none, and no SSR."""
    from frequency_reg.records import RunWriter

    writer = RunWriter(tmp_path, "r")
    kind = {"epoch": 1, "normalization": "dc", "reference": "init"}
    for depth, (value, status) in enumerate([(0.1, "ok"), (0.2, "ok"), (None, "no_high_band")]):
        writer.add("ssr", {**kind, "layer": f"l{depth}", "depth": depth, "value": value, "status": status})
    writer.set_run({"status": "complete", "epoch": 1})
    writer.publish()
    assert measure(tmp_path, ["ssr/last/dc/init"]) == {"ssr/last/dc/init": pytest.approx(0.2)}


def test_a_value_that_is_no_number_is_none(here, config):
    outcome = here.runs(ends=lambda _: "nan").run(config)
    assert measure(outcome.directory, ["validation_accuracy"]) == {"validation_accuracy": None}
    curve = learning_curve(outcome.directory, "validation_accuracy")
    assert list(curve) == list(range(1, EPOCHS + 1))
    assert curve[1] == accuracy(config, 1)
    assert curve[EPOCHS] != curve[EPOCHS]


def test_no_records_no_curve(tmp_path):
    assert learning_curve(tmp_path, "validation_loss") == {}


def test_a_layer_that_the_model_does_not_have(here, config):
    outcome = here.runs().run(config)
    with pytest.raises(ConfigError) as error:
        measure(outcome.directory, ["ssr/blok.conv/dc/init"])
    assert str(error.value) == (
        "hydra.sweeper.objectives.ssr/blok.conv/dc/init: the model has no layer blok.conv; its convolutions are "
        f"{', '.join(LAYERS)}; did you mean block.conv?. first and last name them in every model"
    )


def test_directions():
    assert objectives_of({"robustness": "minimize"}) == (Objective("robustness", "minimize"),)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clean_accuracy", "test data never selects, nor does training data; use validation_accuracy"),
        ("clean_loss", "test data never selects"),
        ("test_accuracy", "test data never selects"),
        ("train_loss", "test data never selects, nor does training data"),
        (
            "validation_acuracy",
            "unknown objective; there are validation_accuracy, validation_loss, robustness, "
            "robustness/gaussian_noise, ssr/LAYER/NORMALIZATION/REFERENCE; did you mean validation_accuracy?",
        ),
        ("robustness/gausian_noise", "; did you mean robustness/gaussian_noise?"),
        ("robustness/gaussian_noise/3", "expected a severity from 1 to 2 of gaussian_noise"),
        ("robustness/gaussian_noise/0", "expected a severity from 1 to 2 of gaussian_noise"),
        ("robustness/gaussian_noise/1/2", "unknown objective"),
        ("ssr/first/dc/epoch_2", "; did you mean ssr/first/dc/epoch_1?"),
        ("ssr/layer1.0.conv1/cd/init", "; did you mean ssr/layer1.0.conv1/dc/init?"),
        ("ssr/first", "unknown objective"),
        (
            "ssr/first/absolute_folded/init",
            "has no value, batch norm has no statistics to fold in before the first update; "
            "use ssr/first/absolute_folded/epoch_1",
        ),
    ],
)
def test_objectives_that_are_refused(config, name, message):
    with pytest.raises(ConfigError) as error:
        check_objective(name, config)
    assert str(error.value).startswith(f"hydra.sweeper.objectives.{name}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("override", "name", "message"),
    [
        (
            "evaluation.splits=[test]",
            "robustness",
            "hydra.sweeper.objectives.robustness: runs do not record robustness on validation data; "
            "add evaluation.splits=[test,validation]",
        ),
        (
            "corruption=[]",
            "robustness",
            "hydra.sweeper.objectives.robustness: no corruption is configured; choose some with corruption=[NAME,NAME]",
        ),
        (
            "probe=[]",
            "ssr/first/dc/init",
            "hydra.sweeper.objectives.ssr/first/dc/init: runs do not record it; add probe=[kernel_spectrum]",
        ),
    ],
)
def test_objectives_that_a_run_does_not_record(here, override, name, message):
    plain = [
        text
        for text in here.fixed
        if text.split("=")[0] not in (override.split("=")[0], "corruption.gaussian_noise.sigma")
    ]
    with pytest.raises(ConfigError) as error:
        check_objective(name, here.composer.config([*plain, override]))
    assert str(error.value) == message


@pytest.mark.parametrize("name", ["validation_loss", "robustness", "robustness/gaussian_noise/2", "ssr/a.b/dc/init"])
def test_objectives_that_are_fine(config, name):
    check_objective(name, config)


def test_with_initial_weights_a_folded_spectrum_can_be_compared_with_the_beginning(here):
    """Batch norm's statistics are the source's then."""
    config = here.composer.config([*here.fixed, "initial_weights=somewhere"])
    check_objective("ssr/first/absolute_folded/init", config)


CLASSES = Recordable(
    accuracy=True,
    corruptions=frozenset({"fog", "snow"}),
    convolutions=(
        Convolution("stem", has_high_band=True, has_gain=True),
        Convolution("middle", has_high_band=True, has_gain=False),
        Convolution("shortcut", has_high_band=False, has_gain=True),
    ),
)
VALUES = Recordable(accuracy=False, corruptions=frozenset(), convolutions=())


@pytest.mark.parametrize(
    ("name", "recordable", "message"),
    [
        (
            "validation_accuracy",
            VALUES,
            "this data set has values to fit; use hydra.sweeper.objectives={validation_loss:minimize}",
        ),
        (
            "robustness",
            VALUES,
            "the images of a published set are test images, and test data never selects; use a corruption that is "
            "computed, such as corruption=[gaussian_noise]",
        ),
        ("robustness/cifar10c", CLASSES, "the images of a published set are test images, and test data never selects"),
        ("robustness/cifar10c/1", CLASSES, "the images of a published set are test images"),
        ("ssr/first/dc/init", VALUES, "the model has no convolution with a square kernel larger than 1 x 1"),
        (
            "ssr/last/absolute_folded/epoch_1",
            CLASSES,
            "no batch norm follows middle whose gain could be folded in; use ssr/last/absolute/epoch_1",
        ),
        ("ssr/middle/absolute_folded/init", CLASSES, "no batch norm follows middle"),
        ("ssr/shortcut/dc/init", CLASSES, "a kernel of 1 x 1 has no high band; choose another layer"),
        (
            "ssr/stam/dc/init",
            CLASSES,
            "the model has no layer stam; its convolutions are stem, middle, shortcut; did you mean stem?. first and "
            "last name them in every model",
        ),
    ],
)
def test_objectives_that_the_parts_of_a_run_leave_without_a_value(name, recordable, message):
    with pytest.raises(ConfigError) as error:
        check_recordable(name, recordable)
    assert str(error.value).startswith(f"hydra.sweeper.objectives.{name}: {message}")


@pytest.mark.parametrize(
    ("name", "recordable"),
    [
        ("validation_accuracy", CLASSES),
        ("validation_loss", VALUES),
        ("robustness", CLASSES),
        ("robustness/fog/1", CLASSES),
        ("ssr/first/absolute_folded/epoch_1", CLASSES),
        ("ssr/last/absolute/init", CLASSES),
    ],
)
def test_objectives_that_the_parts_of_a_run_give_a_value(name, recordable):
    check_recordable(name, recordable)
