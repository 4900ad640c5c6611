from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan_samples import LADDER, VOLUMES, WORKLOAD, fingerprint, planned, steady
from scanwright.errors import ResourceError
from scanwright.plan.budget import FEWEST_STEPS, USED_SHARE, Cost, Workload, time_after_training
from scanwright.plan.plan import Plan

pytestmark = pytest.mark.usefixtures("fixed_ladder")


def by_width(seconds: float, window_s: float = 0.0) -> Callable[[Plan], Cost]:
    """A step takes so many seconds a feature of the finest level, a folded one an eighth of it."""

    def cost(plan: Plan) -> Cost:
        fold = plan.network.fold[2]
        return Cost(seconds * plan.network.widths[0] / fold**3, window_s)

    return cost


def test_budget__the_steps_of_a_budget_by_hand() -> None:
    """600 s: 97 % are 582; 10 spent, 5 to prepare, 6 + 100 x (0.2 + 0.1) = 36 to answer; 531 for 5 folds of 0.05 s a step."""
    made = planned(fingerprint((40, 40, 40)), budget_s=600.0, cost=steady(0.05, window_s=0.2))
    assert made.batch.patch == (40, 40, 40)
    assert made.training.steps == 2124
    assert (made.training.reserve_s, made.training.step_s, made.training.budget_s) == (36.0, 0.05, 600.0)


def test_budget__large_images_keep_time_for_every_window_and_view() -> None:
    found = fingerprint((120, 120, 120))
    made = planned(found, budget_s=3600.0, cost=steady(0.05, window_s=0.2), values={"batch.patch": [40, 40, 40]})
    assert made.training.reserve_s == pytest.approx(6 + 100 * (0.2 * 5**3 + 0.1)), (
        "five windows an axis, half a patch apart"
    )
    both = {"batch.patch": [40, 40, 40], "inference.mirror": [False, True, True]}
    mirrored = planned(found, budget_s=36000.0, cost=steady(0.05, window_s=0.2), values=both)
    assert mirrored.training.reserve_s == pytest.approx(6 + 100 * (0.2 * 4 * 5**3 + 0.1))


def test_budget__explanations_are_kept_time_for() -> None:
    workload = Workload(folds=1, cases=20, answered=20, spent_s=0.0, per_case_s=0.02, tail_s=6.0)
    more = replace(workload, explaining=100)
    cost = Cost(step_s=0.1, window_s=0.05)
    before, after = (time_after_training(cost, one, windows=1) for one in (workload, more))
    assert after - before == pytest.approx(5.0)


@given(
    budget=st.floats(120, 1e5),
    step=st.floats(0.005, 3),
    window=st.floats(0, 1),
    folds=st.integers(1, 5),
    spent=st.floats(0, 60),
)
def test_budget__the_steps_fit_the_budget_and_hardly_one_more_would(
    budget: float, step: float, window: float, folds: int, spent: float
) -> None:
    workload = Workload(folds=folds, cases=20, answered=20, spent_s=spent, per_case_s=0.02, tail_s=6.0)
    try:
        made = planned(
            fingerprint((40, 40, 40)), budget_s=budget, cost=steady(step, window), folds=range(folds), workload=workload
        )
    except ResourceError:
        return
    after = time_after_training(Cost(step, window), workload, windows=1)
    left = USED_SHARE * budget - spent - 20 * 0.02 - after - folds * made.training.steps * step
    assert -1e-6 * budget <= left <= folds * step * (1 + 1e-6)
    assert made.training.steps >= FEWEST_STEPS


@pytest.mark.parametrize(("seconds", "chosen"), [(0.001, 0), (0.01, 1), (0.2, 2)])
def test_budget__slow_machines_get_smaller_networks(seconds: float, chosen: int) -> None:
    candidate = LADDER[chosen]
    made = planned(VOLUMES, budget_s=3600.0, cost=by_width(seconds))
    assert made.network.widths[0] == candidate.base and made.network.fold == (candidate.fold,) * 3
    assert made.training.steps >= candidate.wanted_steps


def test_budget__measures_from_large_to_small_and_no_further_than_needed() -> None:
    seen: list[int] = []

    def cost(plan: Plan) -> Cost:
        seen.append(plan.network.widths[0])
        return Cost(0.01 * plan.network.widths[0], 0.0)

    planned(VOLUMES, budget_s=3600.0, cost=cost)
    assert seen == [candidate.base for candidate in LADDER[:2]]


@pytest.mark.parametrize("budget", [1.0, 5.0, 15.9, 60.0, 200.0])
def test_budget__a_budget_that_is_too_small_is_refused_and_what_it_asks_for_suffices(budget: float) -> None:
    with pytest.raises(ResourceError, match="budget is too small") as caught:
        planned(VOLUMES, budget_s=budget, cost=steady(3.0))
    assert caught.value.exit_code == 6 and "--fold" in str(caught.value.hint)
    needed = float(str(caught.value.expected).split()[2])
    assert needed > budget
    if budget >= 60:  # measured by then: what is asked for is enough, and a second less is not
        assert planned(VOLUMES, budget_s=needed, cost=steady(3.0)).training.steps >= FEWEST_STEPS
        with pytest.raises(ResourceError):
            planned(VOLUMES, budget_s=needed - 1.1, cost=steady(3.0))


def test_budget__workloads_of_one_fold_get_more_steps() -> None:
    one = planned(VOLUMES, budget_s=600.0, cost=steady(0.1), folds=[2], fold=2, workload=replace(WORKLOAD, folds=1))
    five = planned(VOLUMES, budget_s=600.0, cost=steady(0.1))
    assert one.training.steps == pytest.approx(5 * five.training.steps, rel=0.01) and one.training.folds == (2,)
    assert one.why["training.folds"].reason == "--fold"


def test_budget__who_trains_one_fold_is_not_told_to_train_fewer() -> None:
    with pytest.raises(ResourceError) as caught:
        planned(VOLUMES, budget_s=1.0, cost=steady(3.0), folds=[2], fold=2, workload=replace(WORKLOAD, folds=1))
    assert caught.value.hint == "Give more time."
