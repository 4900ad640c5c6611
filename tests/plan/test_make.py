from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan_samples import LAPTOP, WORKLOAD, fingerprint, kept_fingerprint, planned
from scanwright.errors import ResourceError, UsageError
from scanwright.plan.budget import FEWEST_STEPS, USED_SHARE, Candidate, Cost, Workload, time_after_training
from scanwright.plan.make import LADDERS
from scanwright.plan.memory import BASE_BYTES, training_bytes
from scanwright.plan.plan import Plan, settable_names
from scanwright.plan.sections import CHECKPOINTS, LONGEST_STRETCH_S

VOLUMES = fingerprint((120, 120, 120))
PICTURES = fingerprint((900, 700, 1), unit="px", modalities=("xray",))
THICK = fingerprint((400, 400, 40), (0.7, 0.7, 5.0), modalities=("ct", "mr"), body_fraction=0.6)
GPU = replace(LAPTOP, device="cuda", device_name="a GPU", fast_bfloat16=True)


LADDER = (Candidate(24, 1, 4000), Candidate(16, 1, 600), Candidate(16, 2, 0))


@pytest.fixture(autouse=True)
def _fixed_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about how a candidate is chosen, whatever the candidates of today are."""
    monkeypatch.setitem(LADDERS, ("cpu", 3), LADDER)


def steady(step_s: float, window_s: float = 0.0) -> Callable[[Plan], Cost]:
    return lambda plan: Cost(step_s, window_s)


def by_width(seconds: float, window_s: float = 0.0) -> Callable[[Plan], Cost]:
    """A step takes so many seconds a feature of the finest level, a folded one an eighth of it."""

    def cost(plan: Plan) -> Cost:
        fold = plan.network.fold[2]
        return Cost(seconds * plan.network.widths[0] / fold**3, window_s)

    return cost


# --- reasons


@pytest.mark.parametrize("found", [VOLUMES, PICTURES, THICK], ids=["volumes", "pictures", "thick"])
@pytest.mark.parametrize("machine", [LAPTOP, GPU], ids=["cpu", "cuda"])
@pytest.mark.parametrize("budget", [None, 7200.0])
def test_make__every_value_has_a_reason_and_a_source(found: Any, machine: Any, budget: float | None) -> None:
    settings = {"steps": 100} if budget is None else {"budget_s": budget, "cost": steady(0.1)}
    made = planned(found, machine=machine, **settings)
    assert sorted(made.why) == sorted(settable_names())
    assert all(why.reason.strip() and why.source.strip() for why in made.why.values())
    assert all(size % step == 0 for size, step in zip(made.batch.patch, made.network.stride, strict=True))


def test_make__the_kept_folders_are_planned_as_one_would_by_hand() -> None:
    brain = planned(kept_fingerprint("hippocampus_mri"), steps=10)
    assert brain.preprocess.spacing == (1, 1, 1) and brain.preprocess.normalization[0].scheme == "zscore"
    tumour = planned(kept_fingerprint("ct_sarcoma"), steps=10)
    assert tumour.preprocess.axes[0] == 2 and tumour.preprocess.normalization[0].scheme == "ct"
    for folder in ("xray_lung_covid", "ultrasound_breast_busi"):
        picture = planned(kept_fingerprint(folder), steps=10)
        assert (picture.network.dims, picture.batch.patch[0], picture.preprocess.spacing) == (2, 1, None)
        assert picture.preprocess.normalization[0].scheme == "percentile"


def test_make__thick_slices_are_turned_within_the_slice_only() -> None:
    assert planned(THICK, steps=1).augment.rotate_deg[1:] == (0, 0)
    assert planned(PICTURES, steps=1).augment.rotate_deg[1:] == (0, 0)
    assert min(planned(VOLUMES, steps=1).augment.rotate_deg) > 0


def test_make__precision_and_threads_are_the_machines() -> None:
    slow, fast = planned(VOLUMES, steps=1), planned(VOLUMES, steps=1, machine=GPU)
    assert (slow.training.precision, fast.training.precision) == ("float32", "bfloat16")
    assert slow.training.threads == 2


# --- set by hand


def test_make__every_value_can_be_set_to_what_it_is_and_nothing_changes() -> None:
    made = planned(THICK, steps=50)
    values = dict((name, value) for name, value, _ in made.rows())
    again = planned(THICK, values=values)
    assert again.digest == made.digest
    assert {why.source for why in again.why.values()} == {"--set"}


def test_make__what_is_set_says_so_and_what_the_rule_was() -> None:
    made = planned(THICK, steps=1, values={"preprocess.axes": [0, 1, 2], "batch.size": 7})
    assert made.preprocess.axes == (0, 1, 2) and made.batch.size == 7
    assert made.why["preprocess.axes"].reason == "set by hand (the rule: (2, 1, 0))"
    assert made.why["batch.size"].source == "--set" and made.why["batch.patch"].source != "--set"


def test_make__what_is_set_changes_what_is_decided_after_it() -> None:
    rule = planned(VOLUMES, steps=1)
    coarse = planned(VOLUMES, steps=1, values={"preprocess.spacing": [3, 3, 3]})
    assert coarse.batch.patch == (40, 40, 40) and coarse.batch.foreground_share == 0.0 < rule.batch.foreground_share
    flat = planned(VOLUMES, steps=1, values={"preprocess.spacing": [4, 1, 1]})
    assert flat.network.kernels[0] == (1, 3, 3) and flat.augment.rotate_deg[1] == 0
    small = planned(VOLUMES, steps=1, values={"batch.patch": [16, 16, 16]})
    assert len(small.network.widths) == 3 < len(rule.network.widths)
    whole = planned(VOLUMES, steps=1, values={"batch.patch": [128, 128, 128]})
    assert whole.batch.foreground_share == 0.0
    folded = planned(VOLUMES, steps=1, values={"network.fold": [2, 2, 2]})
    assert len(folded.network.widths) == len(rule.network.widths) - 1
    two = planned(VOLUMES, steps=1, values={"network.strides": [[1, 1, 1], [2, 2, 2]]})
    assert len(two.network.widths) == len(two.network.kernels) == 2
    mirrored = planned(VOLUMES, steps=1, values={"augment.mirror": [False, False, True]})
    assert mirrored.inference.mirror == (False, False, True)
    slices = planned(VOLUMES, steps=1, values={"network.dims": 2})
    assert slices.network.stride[0] == 1


def test_make__steps_set_by_hand_are_as_good_as_the_option() -> None:
    by_option, by_hand = planned(VOLUMES, steps=480), planned(VOLUMES, values={"training.steps": 480})
    assert by_hand.digest == by_option.digest
    assert by_hand.training.checkpoint_every == 480 // CHECKPOINTS


@pytest.mark.parametrize(("name", "value"), [
    ("preprocess.axes", [0, 1]), ("preprocess.axes", "zyx"), ("preprocess.axes", None), ("preprocess.axes", [2, 2, 0]),
    ("preprocess.spacing", [1, 1]), ("preprocess.spacing", [0, 1, 1]), ("preprocess.spacing", "fine"),
    ("preprocess.normalization", []), ("preprocess.normalization", [{"scheme": "minmax"}, {"scheme": "zscore"}]),
    ("preprocess.image_order", 2), ("batch.size", 0), ("batch.size", "two"), ("batch.patch", [64, 64]), ("batch.patch", 64),
    ("batch.patch", [0, 64, 64]), ("network.widths", [8, -1]), ("network.kernels", [[2, 2, 2]]), ("network.fold", [2, 2]),
    ("network.strides", [[2, 2, 2]]), ("network.blocks", 9), ("network.dims", 1), ("augment.scale", 2), ("augment.mirror", [1]),
    ("training.learning_rate", 0), ("training.learning_rate", float("nan")), ("training.optimizer", "sgdm"),
    ("training.steps", 0), ("training.precision", "float16"), ("training.ema_decay", 1.0),
    ("training.class_weights", [1, 2]), ("training.class_weights", [1, 0, 1]), ("inference.step_share", 1.5),
])  # fmt: skip
def test_make__an_impossible_value_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        planned(THICK, values={name: value})
    assert str(caught.value.where).startswith(name)
    assert caught.value.exit_code == 2 and 2 <= len(caught.value.lines()) <= 3


@pytest.mark.parametrize(("name", "value", "hint"), [
    ("network.out_channels", 9, "regions"), ("network.in_channels", 3, "channels"), ("training.loss", "focal", "problem"),
    ("training.folds", [0], "--fold"), ("training.budget_s", 60, "--budget"), ("training.reserve_s", 60, "--budget"),
])  # fmt: skip
def test_make__what_follows_from_elsewhere_is_refused_with_where(name: str, value: Any, hint: str) -> None:
    with pytest.raises(UsageError, match="follows from another") as caught:
        planned(THICK, steps=1, values={name: value})
    assert hint in str(caught.value.hint) and name in str(caught.value.where)


def test_make__a_patch_that_the_network_cannot_halve_is_refused() -> None:
    with pytest.raises(UsageError, match="does not fit the network") as caught:
        planned(VOLUMES, steps=1, values={"batch.patch": [42, 42, 42]})
    assert caught.value.where == "batch.patch" and "(8, 8, 8)" in str(caught.value.expected)


def test_make__levels_that_do_not_agree_are_refused() -> None:
    with pytest.raises(UsageError, match="one entry a level") as caught:
        planned(VOLUMES, steps=1, values={"network.widths": [8, 16]})
    levels = len(planned(VOLUMES, steps=1).network.widths)
    assert f"2, {levels} and {levels}" in str(caught.value.found)


def test_make__a_budget_and_steps_by_hand_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="--budget decides the steps"):
        planned(VOLUMES, budget_s=600.0, values={"training.steps": 5}, cost=steady(1))


# --- budget


def test_make__without_a_budget_nothing_is_measured() -> None:
    made = planned(VOLUMES)
    assert (made.training.budget_s, made.training.step_s, made.training.reserve_s) == (None, None, None)


def test_make__the_steps_of_a_budget_by_hand() -> None:
    """600 s: 97 % are 582; 10 spent, 5 to prepare, 6 + 100 x (0.2 + 0.1) = 36 to answer; 531 for 5 folds of 0.05 s a step."""
    made = planned(fingerprint((40, 40, 40)), budget_s=600.0, cost=steady(0.05, window_s=0.2))
    assert made.batch.patch == (40, 40, 40)
    assert made.training.steps == 2124
    assert (made.training.reserve_s, made.training.step_s, made.training.budget_s) == (36.0, 0.05, 600.0)


def test_make__large_images_keep_time_for_every_window_and_view() -> None:
    found = fingerprint((120, 120, 120))
    made = planned(found, budget_s=3600.0, cost=steady(0.05, window_s=0.2), values={"batch.patch": [40, 40, 40]})
    assert made.training.reserve_s == pytest.approx(6 + 100 * (0.2 * 5**3 + 0.1)), (
        "five windows an axis, half a patch apart"
    )
    both = {"batch.patch": [40, 40, 40], "inference.mirror": [False, True, True]}
    mirrored = planned(found, budget_s=36000.0, cost=steady(0.05, window_s=0.2), values=both)
    assert mirrored.training.reserve_s == pytest.approx(6 + 100 * (0.2 * 4 * 5**3 + 0.1))


@given(
    budget=st.floats(120, 1e5),
    step=st.floats(0.005, 3),
    window=st.floats(0, 1),
    folds=st.integers(1, 5),
    spent=st.floats(0, 60),
)
def test_make__the_steps_fit_the_budget_and_hardly_one_more_would(
    budget: float, step: float, window: float, folds: int, spent: float
) -> None:
    workload = Workload(folds=folds, cases=20, answered=20, spent_s=spent, per_case_s=0.02)
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
def test_make__slow_machines_get_smaller_networks(seconds: float, chosen: int) -> None:
    candidate = LADDER[chosen]
    made = planned(VOLUMES, budget_s=3600.0, cost=by_width(seconds))
    assert made.network.widths[0] == candidate.base and made.network.fold == (candidate.fold,) * 3
    assert made.training.steps >= candidate.wanted_steps


def test_make__measures_from_large_to_small_and_no_further_than_needed() -> None:
    seen: list[int] = []

    def cost(plan: Plan) -> Cost:
        seen.append(plan.network.widths[0])
        return Cost(0.01 * plan.network.widths[0], 0.0)

    planned(VOLUMES, budget_s=3600.0, cost=cost)
    assert seen == [candidate.base for candidate in LADDER[:2]]


def test_make__a_checkpoint_at_least_once_a_minute() -> None:
    made = planned(VOLUMES, budget_s=3e5, cost=steady(7.0))
    assert made.training.checkpoint_every == int(LONGEST_STRETCH_S / 7)
    assert planned(VOLUMES, budget_s=3e5, cost=steady(600.0)).training.checkpoint_every == 1


@pytest.mark.parametrize("budget", [1.0, 5.0, 15.9, 60.0, 200.0])
def test_make__a_budget_that_is_too_small_is_refused_and_what_it_asks_for_suffices(budget: float) -> None:
    with pytest.raises(ResourceError, match="budget is too small") as caught:
        planned(VOLUMES, budget_s=budget, cost=steady(3.0))
    assert caught.value.exit_code == 6 and "--fold" in str(caught.value.hint)
    needed = float(str(caught.value.expected).split()[2])
    assert needed > budget
    if budget >= 60:  # measured by then: what is asked for is enough, and a second less is not
        assert planned(VOLUMES, budget_s=needed, cost=steady(3.0)).training.steps >= FEWEST_STEPS
        with pytest.raises(ResourceError):
            planned(VOLUMES, budget_s=needed - 1.1, cost=steady(3.0))


# --- memory


def test_make__too_little_memory_is_refused_with_numbers() -> None:
    with pytest.raises(ResourceError, match="more memory than is free") as caught:
        planned(VOLUMES, steps=1, machine=replace(LAPTOP, memory_bytes=500 << 20))
    assert caught.value.exit_code == 6 and "0.5 GiB free" in str(caught.value.found)
    assert "GiB for batches of 2 x" in str(caught.value.expected) and "batch.patch" in str(caught.value.hint)


@pytest.mark.parametrize("budget", [None, 3600.0])
def test_make__where_the_largest_network_does_not_fit_the_next_one_is_planned(budget: float | None) -> None:
    largest = planned(VOLUMES, steps=1)
    memory = int((training_bytes(largest) + BASE_BYTES) / 0.9) - 1
    made = planned(VOLUMES, budget_s=budget, cost=steady(0.001), machine=replace(LAPTOP, memory_bytes=memory))
    assert made.network.widths[0] == LADDER[1].base < largest.network.widths[0]
    assert training_bytes(made) + BASE_BYTES <= 0.9 * memory


def test_make__workloads_of_one_fold_get_more_steps() -> None:
    one = planned(VOLUMES, budget_s=600.0, cost=steady(0.1), folds=[2], fold=2, workload=replace(WORKLOAD, folds=1))
    five = planned(VOLUMES, budget_s=600.0, cost=steady(0.1))
    assert one.training.steps == pytest.approx(5 * five.training.steps, rel=0.01) and one.training.folds == (2,)
    assert one.why["training.folds"].reason == "--fold"
