"""Intervals and tests: by hand, against SciPy, and by simulation where only that can tell."""

import itertools
import time

import numpy as np
import pytest
import scipy.stats

from scanwright.errors import UsageError
from scanwright.evaluation.intervals.statistics import bootstrap_mean, bootstrap_means, holm, paired_difference


def patients(number: int, each: int = 1) -> list[str]:
    return [f"P{k // each}" for k in range(number * each)]


def skewed(number: int, seed: int = 0) -> np.ndarray:
    """Scores like Dice: most near 0.9, some failures."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(number) < 0.08, rng.uniform(0, 0.6, number), rng.beta(18, 2, number))


def test_bootstrap__agrees_with_scipy_where_widening_does_not_matter():
    values = skewed(400)
    low, high = bootstrap_mean(values, patients(400), seed=1)
    peer = scipy.stats.bootstrap((values,), np.mean, n_resamples=10_000, method="BCa", rng=2).confidence_interval
    width = peer.high - peer.low
    assert low == pytest.approx(peer.low, abs=0.04 * width)
    assert high == pytest.approx(peer.high, abs=0.04 * width)


def test_bootstrap__near_the_t_interval_for_symmetric_values():
    values = np.random.default_rng(0).normal(10, 2, 60)
    half = scipy.stats.t.ppf(0.975, 59) * values.std(ddof=1) / np.sqrt(60)
    low, high = bootstrap_mean(values, patients(60))
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_bootstrap__covers_the_true_mean_about_as_often_as_stated():
    """200 studies of 52 patients: 95 % in the long run here, 86 to 99 % in this few."""
    true = skewed(500_000, seed=99).mean()
    columns = np.stack([skewed(52, seed) for seed in range(200)], axis=1)
    covered = [low <= true <= high for low, high in bootstrap_means(columns, patients(52), samples=2000)]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_bootstrap__five_patients_are_the_fewest_whose_interval_nearly_holds():
    """1,000 studies of five normal values: 92 % in the long run. With four it would be 88 %, and there is none."""
    values = np.random.default_rng(5).normal(size=(5, 1000))
    covered = [low <= 0 <= high for low, high in bootstrap_means(values, patients(5), samples=1000)]
    assert 0.89 <= np.mean(covered) <= 0.95
    assert bootstrap_means(values[:4], patients(4), samples=10) == [None] * 1000


def test_bootstrap__repeats_of_a_patient_are_not_evidence():
    """Ten identical scans of each patient leave the interval as it was; taken for patients, they would shrink it."""
    values = skewed(20)
    once = bootstrap_mean(values, patients(20), seed=3)
    tenfold = bootstrap_mean(np.repeat(values, 10), patients(20, each=10), seed=3)
    assert tenfold == pytest.approx(once)
    wrong = bootstrap_mean(np.repeat(values, 10), patients(200), seed=3)
    assert wrong[1] - wrong[0] < 0.5 * (once[1] - once[0])


def test_bootstrap__same_seed_same_interval_and_names_do_not_matter():
    values = list(skewed(30))
    one = bootstrap_mean(values, patients(30), seed=5)
    assert one == bootstrap_mean(values, patients(30), seed=5)
    assert one == bootstrap_mean(values, [(k, "scan") for k in range(30)], seed=5)
    assert one != bootstrap_mean(values, patients(30), seed=6)


def test_bootstrap__undefined_values_are_left_out():
    values = [0.9, None, 0.7, 0.8, None, 0.6, 0.95]
    low, high = bootstrap_mean(values, patients(7))
    assert 0.6 <= low < np.mean([0.9, 0.7, 0.8, 0.6, 0.95]) < high <= 0.95


@pytest.mark.parametrize(
    ("values", "clusters"),
    [
        ([], []),
        ([0.5], ["A"]),
        ([0.5, 0.6, 0.7, 0.8, 0.7, 0.9], list("AABBCD")),
        ([0.5, 0.6, 0.7, 0.8, None], list("ABCDE")),
    ],
    ids=["none", "one", "four patients", "four with a value"],
)
def test_bootstrap__not_enough_patients_to_say(values, clusters):
    assert bootstrap_mean(values, clusters) is None


def test_bootstrap__equal_values_have_no_width():
    assert bootstrap_mean([0.75] * 5, patients(5)) == (0.75, 0.75)


def test_bootstrap__stays_inside_the_values():
    low, high = bootstrap_mean([1.0, 1.0, 1.0, 1.0, 0.0], patients(5))
    assert 0.0 <= low < 0.8 < high <= 1.0


def test_bootstrap_means__a_column_alone_gives_the_same():
    table = np.stack([skewed(25, 1), skewed(25, 2)], axis=1)
    table[3, 0] = np.nan
    together = bootstrap_means(table, patients(25), seed=4)
    alone = [bootstrap_mean([None if np.isnan(v) else v for v in column], patients(25), seed=4) for column in table.T]
    assert together == [pytest.approx(interval) for interval in alone]


def test_bootstrap__samples_are_drawn_in_blocks_and_quickly():
    start = time.perf_counter()
    assert bootstrap_mean(skewed(3000), patients(3000)) is not None
    assert time.perf_counter() - start < 10


def test_bootstrap__every_value_needs_a_patient():
    with pytest.raises(UsageError, match="needs its patient"):
        bootstrap_mean([1.0, 2.0], ["A"])


def test_paired__exact_permutation_by_hand():
    """Differences 1, 2, 3: of 8 sign patterns only +++ and --- reach a total of 6."""
    found = paired_difference([2.0, 4.0, 6.0], [1.0, 2.0, 3.0], patients(3))
    assert found.mean == 2.0
    assert found.p_permutation == 2 / 8
    assert found.p_wilcoxon == pytest.approx(2 / 8)
    assert (found.n, found.n_patients) == (3, 3)
    assert found.ci95 is None  # of five patients there is one
    five = paired_difference([2.0, 4.0, 6.0, 4.0, 5.0], [1.0, 2.0, 3.0, 2.0, 3.0], patients(5))
    assert (five.mean, five.p_permutation) == (2.0, 2 / 32)
    assert five.ci95[0] < 2.0 < five.ci95[1]


def test_paired__exact_permutation_against_scipy():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.5, 1, 10), rng.normal(0, 1, 10)
    found = paired_difference(first, second, patients(10))
    peer = scipy.stats.permutation_test(
        (first, second), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    )
    assert found.p_permutation == pytest.approx(peer.pvalue)
    assert found.p_wilcoxon == pytest.approx(scipy.stats.wilcoxon(first, second).pvalue)


def test_paired__random_flips_near_the_exact_ones():
    rng = np.random.default_rng(1)
    differences = rng.normal(0.6, 1, 16)
    signs = np.array(list(itertools.product((-1, 1), repeat=16)))
    exact = np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12)
    found = paired_difference(differences, np.zeros(16), patients(16), samples=20_000)
    assert found.p_permutation == pytest.approx(exact, abs=0.006)


def test_paired__never_zero():
    found = paired_difference(np.ones(40), np.zeros(40), patients(40), samples=999)
    assert found.p_permutation == 1 / 1000
    assert found.ci95 == (1.0, 1.0)


def test_paired__signs_are_flipped_patient_by_patient():
    """Four patients, ten scans each: the smallest p is 2 / 16, however many the scans."""
    found = paired_difference(np.ones(40), np.zeros(40), patients(4, each=10))
    assert (found.p_permutation, found.n, found.n_patients) == (2 / 16, 40, 4)


def test_paired__the_other_way_round_is_the_negative():
    first, second = skewed(25, 1), skewed(25, 2)
    one, other = (paired_difference(*pair, patients(25), seed=2) for pair in ((first, second), (second, first)))
    assert one.mean == pytest.approx(-other.mean)
    assert one.ci95 == pytest.approx((-other.ci95[1], -other.ci95[0]), abs=1e-3)
    assert one.p_permutation == other.p_permutation


def test_paired__no_difference():
    same = [0.8, 0.9, 0.7, 0.6, 0.8]
    found = paired_difference(same, same, patients(5))
    assert (found.mean, found.ci95, found.p_permutation, found.p_wilcoxon) == (0.0, (0.0, 0.0), 1.0, None)


def test_paired__undefined_on_either_side_leaves_the_pair_out():
    found = paired_difference([0.9, None, 0.7, 0.8, 0.6], [0.8, 0.5, None, 0.7, 0.3], patients(5))
    assert (found.n, found.n_patients) == (3, 3)
    assert found.mean == pytest.approx((0.1 + 0.1 + 0.3) / 3)


def test_paired__not_enough_patients_to_say():
    two = paired_difference([0.9, 0.8], [0.7, 0.7], patients(2))
    assert (two.ci95, two.p_permutation, two.p_wilcoxon) == (None, None, None)
    assert two.mean == pytest.approx(0.15)
    none = paired_difference([None], [0.5], patients(1))
    assert (none.mean, none.n, none.n_patients) == (None, 0, 0)


def test_paired__lists_of_other_lengths():
    with pytest.raises(UsageError, match="same cases"):
        paired_difference([0.1], [0.1, 0.2], ["A"])


def test_paired__false_alarms_are_as_rare_as_stated():
    rng = np.random.default_rng(7)
    draws = rng.normal(size=(300, 12))
    alarms = [paired_difference(draw, np.zeros(12), patients(12), samples=100).p_permutation <= 0.05 for draw in draws]
    assert np.mean(alarms) <= 0.08


def test_holm__by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm__none_ties_and_the_ceiling():
    assert holm([None, 0.02, None, 0.02]) == [None, 0.04, None, 0.04]
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
