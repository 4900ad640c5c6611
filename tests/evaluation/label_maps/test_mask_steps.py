"""Parts of masks against a second way to the same numbers, and steps that are chosen where something was planted."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import ndimage

from scanwright.evaluation.label_maps.lesions import match_lesions
from scanwright.evaluation.label_maps.mask_parts import RegionParts, region_parts, worth
from scanwright.evaluation.label_maps.mask_steps import PartedCase, candidates, choose_by_fold, choose_steps, f1_gain
from scanwright.inference.postprocess import TOUCHING, Step, postprocess

SHAPE = (14, 16, 12)
STEPS = [
    [],
    [Step(region="organ", action="fill")],
    [Step(region="organ", action="largest")],
    [Step(region="organ", action="least", least=6.0)],
    [Step(region="organ", action="fill"), Step(region="organ", action="least", least=20.0)],
]


def masks(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A true ball, and an answer with specks and a hole."""
    rng = np.random.default_rng(seed)
    i, j, k = np.indices(SHAPE)
    truth = (i - 6) ** 2 + (j - 7) ** 2 + (k - 5) ** 2 < 20
    found = (i - 6) ** 2 + (j - 8) ** 2 + (k - 5) ** 2 < 22
    found[6, 8, 5] = False
    found |= ndimage.binary_dilation(rng.random(SHAPE) < 0.002)
    return truth, found


def parts_of(truth: np.ndarray, found: np.ndarray, **given: object) -> RegionParts:
    nothing = np.zeros(truth.shape, bool)
    known = {"background_IJK": ~found, "others_IJK": nothing, "voxel": 1.0}
    return region_parts(truth, found, **(known | given))


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("seed", range(4))
def test_worth_is_the_dice_of_the_processed_mask(steps: list[Step], seed: int) -> None:
    truth, found = masks(seed)
    after = postprocess(found.astype(np.uint8), steps, regions={"organ": (1,)}, voxel=1.0) > 0
    expected = 2 * (after & truth).sum() / (after.sum() + truth.sum())
    assert worth(parts_of(truth, found), steps).dice == pytest.approx(expected)


@pytest.mark.parametrize("least", [0.0, 3.0, 8.0, 500.0])
def test_lesions_are_counted_as_they_are_judged(least: float) -> None:
    rng = np.random.default_rng(3)
    truth = ndimage.binary_dilation(rng.random(SHAPE) < 0.004)
    found = ndimage.binary_dilation(rng.random(SHAPE) < 0.003) | (truth & (rng.random(SHAPE) < 0.8))
    steps = [Step(region="lesion", action="least", least=least)]
    after = postprocess(found.astype(np.uint8), steps, regions={"lesion": (1,)}, voxel=1.0) > 0
    judged = match_lesions(truth, after, voxel=1.0)
    told = worth(parts_of(truth, found, are_lesions=True), steps)
    assert (told.hits, told.false, told.missed) == (judged.hits, judged.false, len(judged.true_sizes) - judged.hits)


def test_what_nobody_judged_counts_for_nothing() -> None:
    truth, found = masks(0)
    judged = np.ones(SHAPE, bool)
    judged[:7] = False
    told = worth(parts_of(truth, found, judged=judged), [])
    t, f = truth & judged, found & judged
    assert told.dice == pytest.approx(2 * (t & f).sum() / (t.sum() + f.sum()))


def test_a_region_that_is_rightly_absent_counts_as_right() -> None:
    nothing = np.zeros(SHAPE, bool)
    speck = nothing.copy()
    speck[2, 2, 2] = True
    assert worth(parts_of(nothing, nothing), []).dice == 1
    assert worth(parts_of(nothing, speck), []).dice == 0
    assert worth(parts_of(nothing, speck), [Step(region="organ", action="least", least=2)]).dice == 1


def cohort(
    number: int, *, specks: float = 1.0, hole: bool = False, finding: bool = False, seed: int = 0
) -> list[PartedCase]:
    """Cases of a ball that is answered a little off; a share of them with a false part far away, or all with a hole."""
    rng = np.random.default_rng(seed)
    i, j, k = np.indices(SHAPE)
    cases = []
    for place in range(number):
        middle = 6 + rng.integers(0, 2)
        truth = (i - 6) ** 2 + (j - 7) ** 2 + (k - 5) ** 2 < 20
        found = (i - middle) ** 2 + (j - 7) ** 2 + (k - 5) ** 2 < 20
        if rng.random() < specks:
            found[12:14, 14:16, 9:11] = True
        if hole:
            found[middle, 7, 5] = False
        region = parts_of(truth, found, are_lesions=finding)
        cases.append(PartedCase(case=f"c{place}", patient=f"p{place}", fold=place % 4, regions={"organ": region}))
    return cases


def chosen(cases: Sequence[PartedCase], *, finding: bool = False) -> list[str]:
    found = choose_steps(cases, regions=["organ"], findings=["organ"] if finding else [])
    return [step.action for step in found.steps]


def test_false_parts_are_taken_away() -> None:
    found = choose_steps(cohort(24), regions=["organ"], findings=[])
    assert [step.action for step in found.steps] in (["largest"], ["least"])
    (best,) = [one for one in found.tried if one.taken]
    assert best.gain.dice_interval is not None and best.gain.dice_interval[0] > 0
    assert best.gain.cases == 24 and best.gain.lesion_f1 is None
    assert found.held["organ"].is_shown and found.held["organ"].dice == pytest.approx(best.gain.dice)
    by_fold = choose_by_fold(cohort(24), regions=["organ"], findings=[])
    assert set(by_fold) == {0, 1, 2, 3} and all(len(steps) == 1 for steps in by_fold.values())


def test_holes_are_filled_beside() -> None:
    assert set(chosen(cohort(24, hole=True))) == {"fill", "largest"} or set(chosen(cohort(24, hole=True))) == {
        "fill",
        "least",
    }


def test_nothing_is_taken_where_nothing_gains() -> None:
    assert chosen(cohort(24, specks=0.0)) == []
    assert choose_steps(cohort(24, specks=0.0), regions=["organ"], findings=[]).tried == ()


def test_one_lucky_case_is_no_gain() -> None:
    cases = cohort(24, specks=0.0)
    cases[0] = cohort(1, specks=1.0)[0]
    assert chosen(cases) == []


def test_too_few_patients_choose_nothing() -> None:
    assert chosen(cohort(4)) == []
    assert choose_by_fold([case for case in cohort(24) if case.fold == 0], regions=["organ"], findings=[]) == {}


def test_a_finding_is_chosen_by_lesions_too() -> None:
    found = choose_steps(cohort(24, finding=True), regions=["organ"], findings=["organ"])
    (best,) = [one for one in found.tried if one.taken]
    assert best.gain.lesion_f1 == pytest.approx(1 - 2 * 24 / (2 * 24 + 24)) and best.gain.lesion_f1_interval[0] > 0


def test_a_least_size_lies_just_above_the_false_part() -> None:
    steps = [
        one
        for one in candidates("organ", [case.regions["organ"] for case in cohort(8)], anatomy=[], is_finding=False)
        if one.action == "least"
    ]
    assert [step.least for step in steps] == [8.01]


def test_f1_gain_is_the_difference_of_pooled_scores() -> None:
    before = np.array([[1, 2, 0], [0, 1, 1], [2, 0, 0]], float)
    after = np.array([[1, 0, 0], [0, 0, 1], [2, 0, 0]], float)
    assert f1_gain(before, after, ["a", "b", "c"], seed=0) == (pytest.approx(6 / 7 - 6 / 10), None)
    assert f1_gain(np.zeros((2, 3)), np.zeros((2, 3)), ["a", "b"], seed=0) == (None, None)
    many = np.tile(before, (10, 1)), np.tile(after, (10, 1))
    value, reach = f1_gain(*many, [f"p{n}" for n in range(30)], seed=0)
    assert reach is not None and reach[0] < value < reach[1]


def test_parts_connect_as_postprocessing_has_them() -> None:
    assert TOUCHING.all()


def test_least_sizes_that_fit_noise_are_not_kept() -> None:
    """Where parts are as often true as false, whatever their size, what seems to gain is seldom kept, and never gains much."""
    kept, seemed = 0, 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        cases = []
        for place in range(20):
            truth, found = np.zeros((40, 40, 1), bool), np.zeros((40, 40, 1), bool)
            truth[2:12, 2:12] = found[2:12, 2:12] = True
            for number in range(3):
                length, row = int(rng.integers(1, 9)), 15 + 8 * number
                found[row : row + 2, 5 : 5 + length] = True
                truth[row : row + 2, 5 : 5 + length] = rng.random() < 0.5
            cases.append(
                PartedCase(
                    case=f"{place}", patient=f"{place}", fold=place % 4, regions={"organ": parts_of(truth, found)}
                )
            )
        chosen = choose_steps(cases, regions=["organ"], findings=[])
        kept += bool(chosen.steps)
        seemed += bool(chosen.held)
    assert kept <= 2 and kept <= seemed
