import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from labeltree.core.errors import ParameterError
from labeltree.core.params import (
    Params,
    at_least,
    choice,
    descriptions,
    jobs,
    parameters,
    positive,
    seeds,
    several,
    snake,
    whole,
    within,
)
from labeltree.grow import Given, Graft, Grown, Pifa, Random, Star
from labeltree.linear.solver import Logistic, SquaredHinge
from labeltree.models.one_vs_rest import OneVsRest
from labeltree.models.parabel import Parabel
from labeltree.models.popular import Popular


@dataclass
class ParamsToyPart(Params):
    """A part."""

    rate: float = positive(0.5)
    """How fast."""
    steps: int = whole(1, 3)
    """How
    far."""


@dataclass
class ParamsToySteep(ParamsToyPart):
    """A part that says one thing anew, and one more."""

    steps: int = whole(2, 9)
    slope: float = at_least(0, 1.0)
    """How steep."""


@dataclass
class ParamsToy(Params):
    """A whole."""

    weight: float = within(-1, 1, 0.0)
    """How heavy."""
    sizes: tuple[int, ...] = (1, 2)
    """How large."""
    kind: str = choice("red", ("red", "blue"))
    undocumented: object = None
    n_jobs: int = jobs()
    """How many."""
    part: ParamsToyPart = field(default_factory=ParamsToyPart)
    """Of what."""
    others: tuple[ParamsToyPart, ...] = ()
    """Of what else."""
    state_: int = field(default=0, init=False)
    """Learned: no parameter."""


# ---- validators ----------------------------------------------------------------------------------

NO_NUMBERS = [None, "1", True, float("nan"), float("inf"), -float("inf"), [1], np.array([1, 2]), 1j]


@pytest.mark.parametrize(
    ("declared", "wanted", "right", "wrong"),
    [
        (positive(1), "a number above 0", [1e-300, 5, np.float32(0.5), np.int64(2)], [0, -0.0, -1]),
        (at_least(2, 3), "a number of 2 or more", [2, 2.0, 1e300, np.float64(3)], [1.999, -5]),
        (within(0, 1, 0.5), "from 0 to 1", [0, 1, 0.5, np.float16(1)], [-1e-9, 1.001]),
        (whole(1, 2), "a whole number of 1 or more", [1, 10**30, np.uint8(3)], [0, 1.0, 1.5, -1]),
        (jobs(), "-1 or 1 or more", [-1, 1, np.int64(8)], [0, -2, 1.0]),
        (
            seeds(),
            "a whole number from 0 to 2^63 - 1",
            [0, 2**63 - 1, np.uint8(3)],
            [-1, 2**63, 10**30, 1.0],
        ),
        (
            several(0, (1, 2)),
            "2 numbers of 0 or more",
            [(0, 1), [0.5, np.float32(2)]],
            [(), (1,), (1, 2, 3), (1, -1), (1, "2"), "12", (1, float("nan")), (1, True), 2],
        ),
    ],
)
def test_numbers_are_checked(declared, wanted, right, wrong):
    check = declared.metadata["check"]
    for value in right:
        assert not check(value), value
    for value in [*wrong, *NO_NUMBERS]:
        assert check(value) == wanted, value


def test_a_choice_is_one_of_a_few_words():
    check = choice("a", ("a", "b")).metadata["check"]
    assert not check("b")
    for value in ("c", "", None, 1, "ab"):
        assert check(value) == "one of a, b"


@pytest.mark.parametrize("declared", [positive(3), at_least(0, 3), within(0, 9, 3), whole(0, 3)])
def test_the_default_is_the_fields(declared):
    assert declared.default == 3
    assert jobs().default == -1
    assert choice("a", ("a",)).default == "a"


@pytest.mark.parametrize(
    "wrong", [{"weight": 2}, {"kind": "green"}, {"n_jobs": 0}, {"weight": float("nan")}]
)
def test_a_wrong_value_is_refused_when_made(wrong):
    (name, value), *_ = wrong.items()
    with pytest.raises(ParameterError, match=f"ParamsToy: {name} must be .*, found {value!r}"):
        ParamsToy(**wrong)


@given(st.integers() | st.floats() | st.text() | st.none() | st.booleans())
def test_within_accepts_exactly_the_finite_numbers_between(value):
    check = within(-1, 1, 0).metadata["check"]
    right = type(value) in (int, float) and -1 <= value <= 1
    assert (not check(value)) == right


# ---- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("OneVsRest", "one_vs_rest"),
        ("Parabel", "parabel"),
        ("KMeans", "k_means"),
        ("BAry", "b_ary"),
        ("A1B", "a1_b"),
    ],
)
def test_snake_case(name, spelled):
    assert snake(name) == spelled


def test_every_part_is_known_by_its_name():
    assert Params.known["params_toy_part"] is ParamsToyPart
    assert Params.known["squared_hinge"] is SquaredHinge
    assert Params.known["given"] is Given


def test_learned_state_is_no_parameter():
    assert "state_" not in {f.name for f in parameters(ParamsToy)}
    assert "state_" not in ParamsToy().get_params()


# ---- get and set ---------------------------------------------------------------------------------


def test_parameters_of_parts_have_long_names():
    toy = ParamsToy()
    flat = toy.get_params(deep=False)
    assert set(flat) == {"weight", "sizes", "kind", "undocumented", "n_jobs", "part", "others"}
    assert flat["part"] is toy.part
    assert toy.get_params() == {**flat, "part__rate": 0.5, "part__steps": 3}


def test_setting_own_and_nested():
    toy = ParamsToy()
    part = toy.part
    assert toy.set_params(weight=0.5, part__steps=8) is toy
    assert (toy.weight, toy.part.steps) == (0.5, 8)
    assert toy.part is part


def test_a_new_part_is_set_before_its_parameters():
    toy = ParamsToy().set_params(part__slope=3, part=ParamsToySteep())
    assert toy.part == ParamsToySteep(slope=3)


def test_parts_of_parts():
    model = Parabel().set_params(tree=Graft(), tree__clusterer__max_leaf=7)
    assert model.tree.clusterer.max_leaf == 7
    assert model.get_params()["tree__clusterer__max_leaf"] == 7


def test_setting_nothing_is_allowed():
    assert ParamsToy().set_params() == ParamsToy()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"nope": 1}, "ParamsToy has no parameter 'nope'. It has: kind, n_jobs, others, part,"),
        ({"part__nope": 1}, "ParamsToyPart has no parameter 'nope'. It has: rate, steps."),
        ({"nope__rate": 1}, "no parameter 'nope'"),
        ({"weight__x": 1}, "weight has no parameters of its own"),
        ({"weight": 2}, "weight must be from -1 to 1, found 2"),
        ({"part__rate": 0}, "ParamsToyPart: rate must be a number above 0, found 0"),
        ({"state_": 1}, "no parameter 'state_'"),
    ],
)
def test_what_cannot_be_set_is_refused_and_changes_nothing(params, message):
    toy = ParamsToy()
    with pytest.raises(ParameterError, match=message):
        toy.set_params(kind="blue", sizes=(9,), **params)
    assert toy == ParamsToy()


def test_parts_have_defaults_of_their_own():
    one, other = ParamsToy(), ParamsToy()
    one.set_params(part__rate=0.1)
    assert other.part.rate == 0.5


# ---- JSON ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        ParamsToy(),
        ParamsToy(weight=-0.25, sizes=(), kind="blue", part=ParamsToySteep(slope=2)),
        ParamsToy(sizes=(1, (2, 3)), others=(ParamsToyPart(rate=1), ParamsToySteep())),
        ParamsToy(undocumented={"free": [1]}),
        ParamsToy(undocumented="Ü\ud800"),
        Given(max_copies=3),
        Random(),
        Star(),
        Grown(features=Pifa(per_document=True)),
        Logistic(C=0.1),
    ],
)
def test_json_both_ways(params):
    text = json.dumps(params.to_json())
    again = type(params).from_json(json.loads(text))
    assert again == params
    assert type(again) is type(params)


def test_json_of_a_model_keeps_every_nested_part():
    model = Parabel(tree=Graft(taxonomy=Given(max_copies=5)), solver=Logistic(C=2), n_trees=7)
    values = json.loads(json.dumps(model.to_json()))
    assert values["n_trees"] == 7
    assert values["tree"]["part"] == "graft"
    again = Parabel.from_json(values)
    assert again.get_params(deep=False) == model.get_params(deep=False)


@pytest.mark.parametrize("word", ["params_toy_part", None, 3, 0.5])
def test_a_word_is_no_part(word):
    with pytest.raises(ParameterError, match="ParamsToy: part must be a part, .* found"):
        ParamsToy(part=word)


def test_numbers_of_numpy_become_plain():
    values = ParamsToy(weight=np.float32(0.5), n_jobs=np.int64(2), sizes=[np.int8(1)]).to_json()
    assert json.loads(json.dumps(values)) == values
    assert ParamsToy.from_json(values) == ParamsToy(weight=0.5, n_jobs=2, sizes=(1,))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"part": {"part": "from_the_future"}}, "no part called 'from_the_future'"),
        ({"from_the_future": 1}, "ParamsToy has no parameter 'from_the_future'"),
        ({"part": {"part": "params_toy_part", "odd": 1}}, "ParamsToyPart has no parameter 'odd'"),
        ({"weight": 7}, "weight must be"),
    ],
)
def test_json_that_does_not_fit_is_refused(values, message):
    with pytest.raises(ParameterError, match=message):
        ParamsToy.from_json(values)


def test_json_may_leave_out_what_has_a_default():
    assert ParamsToy.from_json({"weight": 1}) == ParamsToy(weight=1)


# ---- descriptions --------------------------------------------------------------------------------


def test_descriptions_are_the_docstrings_under_the_fields():
    assert descriptions(ParamsToy) == {
        "weight": "How heavy.",
        "sizes": "How large.",
        "n_jobs": "How many.",
        "part": "Of what.",
        "others": "Of what else.",
        "state_": "Learned: no parameter.",
    }


def test_descriptions_are_inherited():
    assert descriptions(ParamsToySteep) == {
        "rate": "How fast.",
        "steps": "How far.",
        "slope": "How steep.",
    }


@pytest.mark.parametrize(
    "cls", [Parabel, OneVsRest, Popular, Given, Graft, Grown, Random, Star, SquaredHinge, Logistic]
)
def test_every_field_of_a_model_or_part_is_described(cls):
    assert {f.name for f in parameters(cls)} <= set(descriptions(cls))


def test_a_class_without_source_has_no_descriptions():
    space = {"Params": Params, "dataclass": dataclass, "__name__": "typed"}
    exec("@dataclass\nclass ParamsToyTyped(Params):\n    a: int = 1\n    '''Text.'''", space)
    assert descriptions(space["ParamsToyTyped"]) == {}


# ---- scikit-learn, repr --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        ParamsToy(weight=0.5),
        Given(max_copies=3),
        Grown(features=Pifa(per_document=True)),
        SquaredHinge(C=2),
        Parabel(n_trees=2, tree=Graft(), solver=Logistic(C=3)),
        OneVsRest(beam=3),
    ],
)
def test_clone_makes_an_equal_copy_that_shares_nothing(params):
    copy = clone(params)
    assert type(copy) is type(params)
    assert copy is not params
    assert copy.to_json() == params.to_json()
    for value in vars(params).values():
        assert not any(value is v for v in vars(copy).values() if isinstance(v, Params))


def test_clone_forgets_what_was_learned(checkerboard):
    model = Popular().fit(checkerboard.X, checkerboard.Y)
    assert hasattr(model, "ranking_")
    assert not hasattr(clone(model), "ranking_")


def test_repr_can_be_read():
    part = "ParamsToyPart(rate=0.5, steps=3)"
    assert repr(ParamsToy(weight=0.5)) == (
        "ParamsToy(weight=0.5, sizes=(1, 2), kind='red', undocumented=None, n_jobs=-1,"
        f" part={part}, others=(), state_=0)"
    )
    assert eval(repr(Given(max_copies=3))) == Given(max_copies=3)
    assert repr(Parabel()).startswith("Parabel(tree=Grown(clusterer=")
    assert "n_trees=3" in repr(Parabel())


def test_a_path_is_stored_as_its_words():
    @dataclass
    class ParamsToyFolder(Params):
        """A place."""

        folder: str = ""
        """Where."""

    found = ParamsToyFolder(folder=Path("some") / "folder").to_json()
    assert json.loads(json.dumps(found)) == {"folder": str(Path("some/folder"))}
