import pytest

from labeltree.nn.recipe import Recipe

BASE = dict.fromkeys(Recipe._fields, 0) | {"warmup": 0.2, "schedule": "linear"}


def rates(n_steps, **changed):
    recipe = Recipe(**(BASE | changed))
    return [recipe.rate(step, n_steps) for step in range(n_steps)]


def test_up_in_a_straight_line_then_down():
    assert rates(10) == pytest.approx([0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])


def test_no_step_is_lost():
    for n in (1, 2, 3, 100):
        for share in (0.0, 0.1, 1.0):
            assert min(rates(n, warmup=share)) > 0
            assert max(rates(n, warmup=share)) == 1


def test_level_after_the_warm_up():
    assert rates(5, schedule="constant") == [1, 1, 1, 1, 1]
    assert rates(5, schedule="constant", warmup=0.4) == [0.5, 1, 1, 1, 1]
