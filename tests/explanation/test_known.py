"""Training cases as a model sees them."""

import numpy as np
import pytest

from scanwright.errors import IntegrityError
from scanwright.explanation.known import Known


def cases(number=40, *, seed=0):
    """Two bundles of directions."""
    rng = np.random.default_rng(seed)
    middle = np.where(np.arange(number)[:, None] % 2, [1.0, 0.2, 0.0, 0.0], [0.0, 0.0, 1.0, 0.3])
    return middle + rng.normal(0, 0.05, (number, 4)), ["odd" if k % 2 else "even" for k in range(number)]


@pytest.mark.parametrize("order", ["C", "F"])
def test_known__there_and_back_whatever_the_order_in_memory(order):
    features, targets = cases()
    known = Known.of(np.array(features, order=order), targets)
    again = Known.from_bytes(known.to_bytes())
    assert np.array_equal(again.features, known.features) and again.targets == known.targets
    assert again.limit == known.limit and np.allclose(again.features, features, atol=1e-2)


def test_nearest__a_training_case_is_its_own_and_its_like_follow():
    features, targets = cases()
    known = Known.of(features, targets)
    found = known.nearest(features[7], count=4)
    assert found[0].index == 7 and found[0].distance == pytest.approx(0, abs=1e-4)
    assert {known.targets[one.index] for one in found} == {"odd"} and not known.is_unlike(found)


def test_unlike__is_what_lies_farther_than_training_cases_from_each_other():
    known = Known.of(*cases())
    fresh, _ = cases(seed=1)
    unlike = [known.is_unlike(known.nearest(row, count=1)) for row in fresh]
    assert sum(unlike) <= 4  # one in a hundred, and few were learned from
    assert known.is_unlike(known.nearest(np.array([0.0, -1.0, 0.0, 0.0]), count=1))


def test_known__of_one_case_nothing_is_unlike():
    known = Known.of(np.ones((1, 3)), ["a"])
    assert known.limit is None and not known.is_unlike(known.nearest(np.array([-1.0, 0, 0]), count=1))


@pytest.mark.parametrize("stored", [b"", b"none", Known.of(np.ones((2, 3)), ["a"]).to_bytes()])
def test_known__what_is_not_whole_is_refused(stored):
    with pytest.raises(IntegrityError, match="known cases"):
        Known.from_bytes(stored)


def test_limit__is_of_other_patients_and_of_what_was_held_out():
    features, targets = cases()
    twice = np.repeat(features, 2, axis=0)  # each patient has two images that are the same
    alike = Known.of(twice, [*targets, *targets], owners=[k // 2 for k in range(len(twice))])
    assert alike.limit == pytest.approx(Known.of(features, targets).limit, rel=0.1)  # a quantile of twice as many
    assert Known.of(twice, [*targets, *targets]).limit == pytest.approx(0, abs=1e-3)
    away = features + np.array([0.0, 0.0, 0.0, 0.4])
    assert Known.of(features, targets, held_out_MF=away).limit > Known.of(features, targets).limit
