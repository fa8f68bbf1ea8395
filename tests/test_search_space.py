"""Hydra's override syntax as a search space, and which keys exist for which choices."""

import pytest
from omegaconf import OmegaConf

from frequency_reg.compose import Composer, _config_loader, _hydra
from frequency_reg.config import ConfigError
from frequency_reg.search_space import Parameter, dotted_keys, search_space

REGULARIZERS = (
    "regularizer=none,dropout,[dropout,weight_decay]",
    "regularizer.dropout=interval(0.1,0.7)",
    "regularizer.weight_decay=tag(log,interval(1e-5,1e-1))",
)


@pytest.fixture(scope="module")
def composer():
    with _hydra():
        yield Composer()


@pytest.fixture
def space(composer):
    """Makes a search space of real keys; ``.calls`` counts compositions."""

    def make(*overrides, params=None):
        def keys_of(texts):
            make.calls.append(texts)
            return set(dotted_keys(OmegaConf.to_container(composer.composed(texts))))

        return search_space(overrides, params or {}, groups=_config_loader().list_groups(""), keys_of=keys_of)

    make.calls = []
    return make


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("epochs=interval(1,8)", Parameter("epochs", "float", 1.0, 8.0)),
        ("epochs=int(interval(1,8))", Parameter("epochs", "int", 1, 8)),
        ("epochs=tag(log,interval(1e-5,1e-1))", Parameter("epochs", "float", 1e-5, 1e-1, log=True)),
        ("epochs=tag(log,int(interval(1,100)))", Parameter("epochs", "int", 1, 100, log=True)),
        ("epochs=int(tag(log,interval(1,100)))", Parameter("epochs", "int", 1, 100, log=True)),
        ("epochs=range(1,4)", Parameter("epochs", "int", 1, 3, 1)),
        ("epochs=range(2,9,3)", Parameter("epochs", "int", 2, 8, 3)),
        ("epochs=range(8,1,-2)", Parameter("epochs", "int", 2, 8, 2)),
        ("epochs=range(0,1,0.25)", Parameter("epochs", "float", 0.0, 0.75, 0.25)),
        ("epochs=1,2,4", Parameter("epochs", "categorical", choices=("1", "2", "4"))),
        ("epochs=choice(7)", Parameter("epochs", "categorical", choices=("7",))),
        ("epochs=2,1,2", Parameter("epochs", "categorical", choices=("2", "1"))),
        ("model.hidden=[64],[128,64]", Parameter("model.hidden", "categorical", choices=("[64]", "[128,64]"))),
        ("name='a b','c'", Parameter("name", "categorical", choices=("'a b'", "'c'"))),
        ("+model.new=1,2", Parameter("+model.new", "categorical", choices=("1", "2"))),
        ("model=lenet,mlp", Parameter("model", "categorical", choices=("lenet", "mlp"), group=True)),
    ],
)
def test_hydra_s_sweeps_as_parameters(override, expected):
    keys = {"epochs", "model.hidden", "name", "model"}
    made = search_space([override], {}, groups=["model"], keys_of=lambda _: keys)
    assert (*made.groups, *made.values) == (expected,)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs=3", "nothing to search: give a key several values, such as 'optimizer.lr=tag(log,interval(1e-3,1))'"),
        ("epochs=range(3,3)", "epochs=range(3,3): an empty range; the stop is left out, as in every Hydra range"),
        ("epochs=range(1,9,0)", "epochs=range(1,9,0): a step of 0 leads nowhere"),
        (
            "epochs=interval(2,1)",
            "epochs=interval(2,1): expected interval(LOW,HIGH) with LOW <= HIGH, both finite",
        ),
        ("epochs=interval(0,inf)", "epochs=interval(0,inf): expected interval(LOW,HIGH) with LOW <= HIGH, both finite"),
        ("epochs=tag(log,interval(0,1))", "epochs=tag(log,interval(0,1)): a logarithmic scale has no 0; begin above 0"),
        (
            "epochs=tag(lg,interval(1,2))",
            "epochs=tag(lg,interval(1,2)): the only tag is log, of an interval: tag(log,interval(A,B))",
        ),
        (
            "epochs=tag(log,range(1,5))",
            "epochs=tag(log,range(1,5)): the only tag is log, of an interval: tag(log,interval(A,B))",
        ),
        ("epochs=shuffle(1,2)", "epochs=shuffle(1,2): the sampler decides the order; leave shuffle out"),
        ("model=glob(*)", "model=glob(*): name the options to choose from, separated by commas"),
        ("hydra.verbose=true,false", "hydra.verbose=true,false: Hydra's own keys cannot be searched; give one value"),
    ],
)
def test_sweeps_that_are_refused(space, override, message):
    with pytest.raises(ConfigError) as error:
        space(override)
    assert str(error.value) == message


def test_a_key_is_asked_for_only_where_the_choice_has_it(space):
    made = space(*REGULARIZERS, "optimizer.lr=interval(0.0,1.0)")
    names = {choice: [p.name for p in made.active({"regularizer": choice})] for choice in made.groups[0].choices}
    assert names == {
        "none": ["optimizer.lr"],
        "dropout": ["regularizer.dropout", "optimizer.lr"],
        "[dropout,weight_decay]": ["regularizer.dropout", "regularizer.weight_decay", "optimizer.lr"],
    }
    assert made.varied == ("regularizer", "regularizer.dropout", "regularizer.weight_decay", "optimizer.lr")


def test_a_combination_of_choices_is_composed_once(space):
    made = space(*REGULARIZERS)
    for _ in range(3):
        made.active({"regularizer": "none"})
        made.representatives()
    assert len(space.calls) == 3


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            (*REGULARIZERS, "regularizer.dropuot=interval(0.0,1.0)"),
            "regularizer.dropuot: unknown key; the keys of regularizer are decoupled, dropout, weight_decay; "
            "did you mean dropout?",
        ),
        (("regularizer=none,dropout", "regularizer.weight_decay=1,2"), "the keys of regularizer are dropout"),
        (("epohcs=1,2",), "did you mean epochs?"),
        (("nowhere.at.all=1,2",), "nowhere.at.all: unknown key; the keys of nowhere.at are none"),
    ],
)
def test_a_key_that_no_choice_has(space, overrides, message):
    with pytest.raises(ConfigError) as error:
        space(*overrides)
    assert message in str(error.value)


def test_the_command_line_wins_over_params(space):
    params = {"regularizer": "none,dropout", "optimizer.lr": "tag(log,interval(1e-3,1))", "epochs": 7, "model": None}
    made = space("optimizer.lr=0.5,0.25", "epochs=3", "model=mlp", params=params)
    assert made.varied == ("regularizer", "optimizer.lr")
    assert made.values[0].choices == ("0.5", "0.25")
    assert made.fixed == ("epochs=3", "model=mlp")


def test_overrides_of_a_suggestion_are_read_back_exactly(space, composer):
    made = space(*REGULARIZERS, "batch_size=int(interval(1,8))", "epochs=3")
    values = {"regularizer": "[dropout,weight_decay]", "regularizer.weight_decay": 1.1e-05 / 3, "batch_size": 5}
    texts = made.overrides({**values, "regularizer.dropout": 0.1 + 0.2})
    assert texts == [
        "epochs=3",
        "regularizer=[dropout,weight_decay]",
        "regularizer.dropout=0.30000000000000004",
        "regularizer.weight_decay=3.6666666666666666e-06",
        "batch_size=5",
    ]
    config = composer.config(texts)
    assert config.regularizer["weight_decay"] == 1.1e-05 / 3
    assert config.regularizer["dropout"] == 0.1 + 0.2
    assert set(config.regularizer["_target_"]) == {"dropout", "weight_decay"}


def test_a_value_of_a_range_is_the_grid_s():
    """0.1 * 3 is not 0.3 in floats: the same run would have two identities."""
    parameter = search_space(["a=range(0,1,0.1)"], {}, groups=[], keys_of=lambda _: {"a"}).values[0]
    assert parameter.override(0.1 * 3) == "a=0.3"


def test_representatives_cover_choices_and_ends(space, composer):
    made = space(*REGULARIZERS, "optimizer.lr=interval(0.1,0.9)", "model=mlp")
    found = made.representatives()
    assert [text[1:] for text in found] == [
        ["regularizer=none", "optimizer.lr=0.1"],
        ["regularizer=none", "optimizer.lr=0.9"],
        ["regularizer=dropout", "regularizer.dropout=0.1", "optimizer.lr=0.1"],
        ["regularizer=dropout", "regularizer.dropout=0.7", "optimizer.lr=0.1"],
        [
            "regularizer=[dropout,weight_decay]",
            "regularizer.dropout=0.1",
            "regularizer.weight_decay=1e-05",
            "optimizer.lr=0.1",
        ],
        [
            "regularizer=[dropout,weight_decay]",
            "regularizer.dropout=0.7",
            "regularizer.weight_decay=1e-05",
            "optimizer.lr=0.1",
        ],
        [
            "regularizer=[dropout,weight_decay]",
            "regularizer.dropout=0.1",
            "regularizer.weight_decay=0.1",
            "optimizer.lr=0.1",
        ],
    ]  # the learning rate's high end once: no regularizer changes what it may be
    assert all(text[0] == "model=mlp" and composer.config(text) for text in found)


def test_dotted_keys():
    assert list(dotted_keys({"a": {"b": 1, "c": {"d": None}}, "e": []})) == ["a", "a.b", "a.c", "a.c.d", "e"]
