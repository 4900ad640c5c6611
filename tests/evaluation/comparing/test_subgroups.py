"""Sub-groups: a planted failure is found and named, nothing is found where nothing is, and small groups are not read."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import permutation_test
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_oneway

from scanwright.evaluation.cases.judged import MeasuredCase
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.comparing.contrast_auroc import Areas
from scanwright.evaluation.comparing.contrast_means import case_means
from scanwright.evaluation.comparing.subgroups import compare_subgroups, shuffled_p, subgroups_json


def rows_of(owners, **columns):
    return [
        MeasuredCase(
            case=str(k), patient=str(owner), predicted=(), truth=(), groups={n: str(v[k]) for n, v in columns.items()}
        )
        for k, owner in enumerate(owners)
    ]


def scores_of(values, owners=None, metric="dice", better="higher"):
    return case_means(metric, {"": values}, (range(len(values)) if owners is None else owners), better=better)


def planted(seed=0, worse=0.12):
    """60 patients at three sites of 20; at site B the model is worse."""
    rng = np.random.default_rng(seed)
    site = np.repeat(["A", "B", "C"], 20)
    return rng.normal(0.85, 0.05, 60) - worse * (site == "B"), site, rng.choice(["F", "M"], 60)


def test_planted_failure__is_found_and_named():
    values, site, sex = planted()
    tests = compare_subgroups([scores_of(values)], rows_of(range(60), site=site, sex=sex), draws=999)
    by_column = {one.column: one for one in tests}
    assert by_column["site"].corrected < 0.01 and by_column["site"].worst() == "B"
    assert by_column["sex"].corrected > 0.05
    group = by_column["site"].groups["B"]
    assert group.apart == pytest.approx(values[site == "B"].mean() - values[site != "B"].mean())
    assert group.interval[0] < group.apart < group.interval[1] < 0


def test_planted_failure__of_an_area():
    rng = np.random.default_rng(2)
    truth, site = np.tile([0, 1], 40), np.repeat(["A", "B"], 40)
    chance = expit((2 * truth - 1) * np.where(site == "B", 0.0, 2.0) + rng.normal(size=80))
    told = Answers.of(np.stack([1 - chance, chance], axis=1), truth, chance > 0.5, range(80))
    (found,) = compare_subgroups([Areas({"": told}, (1,))], rows_of(range(80), site=site), draws=499)
    assert found.corrected < 0.01 and found.worst() == "B"
    assert found.groups["B"].fewest == 20


@pytest.mark.parametrize("several", [False, True])
def test_error_rate__where_nothing_differs(several):
    """Of 200 studies 2 to 9 % claim a difference; in one group scores vary twice as much, which is none."""
    wrong = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        owners = np.repeat(np.arange(40), rng.integers(1, 4, 40) if several else 1)
        group = (np.arange(40) < 12).astype(int)[owners]
        values = (1 + group) * (rng.normal(size=40)[owners] + 0.3 * rng.normal(size=len(owners)))
        wrong += shuffled_p(scores_of(values, owners.tolist()), group, seed=seed, draws=199) <= 0.05
    assert 0.02 <= wrong / 200 <= 0.09


def test_shuffles__agree_with_scipys_for_two_groups():
    """The statistic is another (studentised), so that p-values agree nearly, where spreads are alike."""
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.normal(0, 1, 25), rng.normal(0.6, 1, 25)])
    group = np.repeat([0, 1], 25)
    theirs = permutation_test(
        (values[:25], values[25:]),
        lambda x, y: abs(x.mean() - y.mean()),
        alternative="greater",
        n_resamples=4000,
        rng=0,
    ).pvalue
    assert shuffled_p(scores_of(values), group, draws=4000) == pytest.approx(theirs, abs=0.02)


def test_shuffles__of_several_groups_are_like_welchs_test():
    rng = np.random.default_rng(5)
    values = rng.normal(size=60) + np.repeat([0, 0.4, 0.2], 20)
    theirs = anova_oneway(values.reshape(3, 20), use_var="unequal").pvalue
    assert shuffled_p(scores_of(values), np.repeat([0, 1, 2], 20), draws=4000) == pytest.approx(theirs, abs=0.03)


def test_more_sick_patients__are_no_finding():
    """The groups' shares of positive cases differ wildly; how well they are told apart does not."""
    rng = np.random.default_rng(7)
    group = np.repeat([0, 1], 60)
    truth = np.concatenate([np.arange(60) < 12, np.arange(60) < 45]).astype(int)
    chance = expit(1.5 * truth + rng.normal(size=120))
    told = Answers.of(np.stack([1 - chance, chance], axis=1), truth, chance > 0.5, range(120))
    assert shuffled_p(Areas({"": told}, (1,)), group, draws=999) > 0.1


def test_copies_of_a_patient__are_no_evidence():
    values, site, _ = planted(3, worse=0.03)
    group = np.unique(site, return_inverse=True)[1]
    once = shuffled_p(scores_of(values), group, draws=1999)
    five = shuffled_p(
        scores_of(np.repeat(values, 5), np.repeat(np.arange(60), 5).tolist()), np.repeat(group, 5), draws=1999
    )
    assert five == pytest.approx(once, abs=0.03)


def test_patient_in_two_groups__is_shuffled_within_itself():
    """Every patient was seen on both scanners: the second is worse in each of them."""
    rng = np.random.default_rng(0)
    owners, scanner = np.repeat(np.arange(20), 2), np.tile([0, 1], 20)
    values = rng.normal(size=20)[owners] * 5 - 0.5 * scanner + 0.05 * rng.normal(size=40)
    assert shuffled_p(scores_of(values, owners.tolist()), scanner, draws=999) < 0.01


def test_small_groups__are_shown_and_not_tested():
    values, site, _ = planted()
    site = np.where(np.arange(60) < 4, "tiny", site)
    (found,) = compare_subgroups([scores_of(values)], rows_of(range(60), site=site), draws=99)
    assert found.groups["tiny"].small and found.groups["tiny"].value is not None
    assert "tiny" not in found.tested and found.groups["tiny"].interval is None


def test_few_positives__make_a_group_small():
    truth = np.array(([1] * 20 + [0] * 20) + ([1] * 4 + [0] * 30))
    chance = np.linspace(0.01, 0.99, 74)
    told = Answers.of(np.stack([1 - chance, chance], axis=1), truth, chance > 0.5, range(74))
    (found,) = compare_subgroups([Areas({"": told}, (1,))], rows_of(range(74), site=["A"] * 40 + ["B"] * 34), draws=99)
    assert found.groups["B"].small and found.groups["B"].fewest == 4
    assert found.p is None and found.tested == [] and found.worst() is None


def test_correction__is_holms_over_columns_and_apart_for_others():
    rng = np.random.default_rng(1)
    columns = {name: rng.choice(["x", "y"], 60) for name in ("site", "sex", "scanner")}
    values = rng.normal(size=60)
    measures = [scores_of(values), scores_of(values**2, metric="hd95_mm", better="lower")]
    tests = compare_subgroups(measures, rows_of(range(60), **columns), draws=199)
    for decides in (True, False):
        own = [one for one in tests if one.decides == decides]
        assert len(own) == 3
        assert [one.corrected for one in own] == pytest.approx(multipletests([one.p for one in own], method="holm")[1])


def test_plain_data__and_nothing_without_columns():
    values, site, _ = planted()
    found = subgroups_json(compare_subgroups([scores_of(values)], rows_of(range(60), site=site), draws=99))
    (test,) = found["columns"]["site"]
    assert test["worst"] == "B" and test["tested"] == ["A", "B", "C"] and test["groups"]["B"]["patients"] == 20
    assert subgroups_json(compare_subgroups([scores_of(values)], rows_of(range(60)), draws=9)) == {}
    same = compare_subgroups([scores_of(values)], rows_of(range(60), site=["A"] * 60), draws=9)
    assert same == []
