"""Net benefit: by hand, and its bounds."""

import numpy as np
import pytest

from scanwright.errors import UsageError
from scanwright.evaluation.classes.decision_curve import decision_curve


def test_net_benefit__by_hand():
    """At 0.2 a false alarm counts a quarter: 2 found, 1 in vain, of 5 cases."""
    found = decision_curve(
        np.array([0.9, 0.3, 0.2, 0.1, 0.1]), np.array([1, 1, 0, 0, 1], bool), range(5), thresholds=np.array([0.2, 0.5])
    )
    assert found.model == pytest.approx([(2 - 0.25) / 5, 1 / 5])
    assert found.all == pytest.approx([(3 - 2 * 0.25) / 5, (3 - 2) / 5])


def test_net_benefit__perfect_model_has_the_prevalence_and_none_acts_on_nobody():
    positive = np.arange(100) < 30
    perfect = decision_curve(positive.astype(float), positive, range(100), samples=50)
    assert perfect.model == pytest.approx(np.full(99, 0.3)) and (perfect.all < 0.3).all()
    never = decision_curve(np.zeros(100), positive, range(100), samples=50)
    assert (never.model == 0).all()


def test_net_benefit__acting_on_all_is_worth_nothing_at_the_prevalence():
    positive = np.arange(100) < 30
    found = decision_curve(np.ones(100), positive, range(100), thresholds=np.array([0.3]), samples=50)
    assert found.all == pytest.approx([0.0]) and found.model == pytest.approx(found.all)


def test_net_benefit__intervals_by_patient():
    rng = np.random.default_rng(0)
    positive = rng.random(60) < 0.4
    chances = np.clip(rng.normal(0.4 + 0.3 * positive, 0.2), 0, 1)
    once = decision_curve(chances, positive, range(60), samples=500)
    copied = decision_curve(
        np.repeat(chances, 3), np.repeat(positive, 3), np.repeat(range(60), 3).tolist(), samples=500
    )
    assert np.array(once.intervals) == pytest.approx(np.array(copied.intervals))
    assert all(low <= value <= high for value, (low, high) in zip(once.model[:60], once.intervals[:60], strict=True))
    assert decision_curve(chances[:4], positive[:4], range(4)).intervals == [None] * 99


def test_net_benefit__nothing_and_nonsense():
    assert decision_curve(np.array([]), np.array([], bool), []) is None
    with pytest.raises(UsageError, match="above 0 and below 1"):
        decision_curve(np.array([0.5]), np.array([True]), [0], thresholds=np.array([1.0]))
