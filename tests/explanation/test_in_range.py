"""Images judged by their distances from training cases: usual ones pass, others do not, and none judges itself."""

import numpy as np
import pytest
from scipy import stats

from scanwright.explanation.cloud import Cloud
from scanwright.explanation.in_range import GRAIN, LAYOUT, SHARES, TURNED, Clouds, Look, bounds_of, cross_judged
from scanwright.runtime import generator

VIEWS = ("network", "texture")


def drawn(rng, count):
    """Distances of so many usual cases, in two views of another spread each."""
    return [
        {"network": float(np.exp(rng.normal(0, 0.2))), "texture": float(np.exp(rng.normal(1, 0.5)))}
        for _ in range(count)
    ]


def test_judge__usual_cases_are_told_no_more_often_than_stated():
    rng = generator(0)
    told = {"border": 0, "outside": 0}
    for _ in range(40):
        bounds = bounds_of(drawn(rng, 200))
        levels = [bounds.judge(one).level for one in drawn(rng, 100)]
        told["outside"] += levels.count("outside")
        told["border"] += len(levels) - levels.count("inside")
    for level, share in SHARES.items():
        assert told[level] / 4000 == pytest.approx(share, abs=0.008), level


def test_judge__names_the_views_that_say_so_the_farthest_first():
    bounds = bounds_of(drawn(generator(1), 200))
    assert bounds.judge({"network": 1.0, "texture": 60.0}).beyond == ("texture",)
    both = bounds.judge({"network": 9.0, "texture": 60.0})
    assert (both.level, both.beyond) == ("outside", ("network", "texture"))


def test_judge__distances_that_are_not_finite_or_unknown():
    bounds = bounds_of(drawn(generator(1), 200))
    assert bounds.judge({"network": float("inf")}).level == "outside"
    assert bounds.judge({"another": 5.0}).level == "inside"
    assert bounds_of([]).judge({"network": float("inf")}).level == "inside"


def test_reach__is_where_the_level_begins():
    bounds = bounds_of(drawn(generator(2), 200))
    reach = bounds.reach("network", "outside")
    assert bounds.judge({"network": reach * 1.001, "texture": 1.0}).level == "outside"
    assert bounds.judge({"network": reach * 0.999, "texture": 1.0}).level != "outside"


def test_cross_judged__a_case_has_no_part_in_its_own_limit():
    """One far case among usual ones: judged by the others it is outside, by limits with it in it would not have to be."""
    distances = [*drawn(generator(3), 60), {"network": 50.0, "texture": 1.0}]
    found = cross_judged(distances, [str(number) for number in range(61)])
    assert len(found) == 61
    assert found[-1].level == "outside"


def test_cross_judged__cases_of_one_owner_go_together():
    distances = drawn(generator(4), 40)
    distances[0] = distances[1] = {"network": 50.0, "texture": 1.0}
    found = cross_judged(distances, ["a", "a", *(str(number) for number in range(38))])
    assert {found[0].level, found[1].level} == {"outside"}
    assert cross_judged(distances, ["a"] * 40) == []


def test_cross_judged__shares_are_those_stated():
    rng, outside = generator(5), 0
    for _ in range(20):
        found = cross_judged(drawn(rng, 150), list(range(150)))
        outside += sum(one.level == "outside" for one in found)
    assert outside <= stats.binom.ppf(0.9999, 3000, SHARES["outside"])


def clouds(rng):
    """Of images that are bright in one corner."""
    cells = np.zeros((60, 2, 1, 4, 4, 4))
    cells[:, :, :, 0] = 2
    cells[:, :, :, :, 0] = 1
    cells += rng.normal(0, 0.1, cells.shape)
    return Clouds({LAYOUT: Cloud.of(cells.reshape(60, -1))}), cells


def test_measure__turned_images_fit_better_when_they_are_turned():
    known, cells = clouds(generator(6))
    upright = known.measure(Look({LAYOUT: cells[0].ravel()}, cells[0]))
    over = np.flip(cells[0], axis=2)
    turned = known.measure(Look({LAYOUT: over.ravel()}, over))
    assert upright[TURNED] < 1 < turned[TURNED]
    turn, _ = known.best_turn(Look({}, over))
    assert np.array_equal(turn.apply(over), cells[0])


def test_measure__grain_is_taken_as_it_is_and_other_features_are_infinitely_far():
    known, _ = clouds(generator(7))
    found = known.measure(Look({LAYOUT: np.zeros(3), GRAIN: np.array([0.25])}, np.zeros((1, 1, 3, 1))))
    assert found == {LAYOUT: np.inf, GRAIN: 0.25, TURNED: 1.0}
