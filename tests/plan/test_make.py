from dataclasses import replace
from typing import Any

import pytest

from plan_samples import (
    GPU,
    LADDER,
    LAPTOP,
    PICTURES,
    THICK,
    VOLUMES,
    WORKLOAD,
    fingerprint,
    kept_fingerprint,
    planned,
    steady,
)
from scanwright.errors import ResourceError, UsageError
from scanwright.plan.make import require_class_weights
from scanwright.plan.memory import BASE_BYTES, training_bytes
from scanwright.plan.plan import NetworkPlan
from scanwright.plan.settings import settable_names


@pytest.mark.parametrize("found", [VOLUMES, PICTURES, THICK], ids=["volumes", "pictures", "thick"])
@pytest.mark.parametrize("machine", [LAPTOP, GPU], ids=["cpu", "cuda"])
@pytest.mark.parametrize("budget", [None, 7200.0])
def test_make__every_value_has_a_reason_and_a_source(found: Any, machine: Any, budget: float | None) -> None:
    settings = {"steps": 100} if budget is None else {"budget_s": budget, "cost": steady(0.1)}
    made = planned(found, machine=machine, **settings)
    assert sorted(made.why) == sorted(settable_names(NetworkPlan))
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


def test_make__a_patch_that_the_network_cannot_halve_is_refused() -> None:
    with pytest.raises(UsageError, match="does not fit the network") as caught:
        planned(VOLUMES, steps=1, values={"batch.patch": [42, 42, 42]})
    assert caught.value.where == "batch.patch" and "(8, 8, 8)" in str(caught.value.expected)


def test_make__a_budget_and_steps_by_hand_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="--budget decides the steps"):
        planned(VOLUMES, budget_s=600.0, values={"training.steps": 5}, cost=steady(1))


def test_make__without_a_budget_nothing_is_measured() -> None:
    made = planned(VOLUMES)
    assert (made.training.budget_s, made.training.step_s, made.training.reserve_s) == (None, None, None)


def test_make__too_little_memory_is_refused_with_numbers() -> None:
    with pytest.raises(ResourceError, match="more memory than is free") as caught:
        planned(VOLUMES, steps=1, machine=replace(LAPTOP, memory_bytes=500 << 20))
    assert caught.value.exit_code == 6 and "0.5 GiB free" in str(caught.value.found)
    assert "GiB for batches of 1 x" in str(caught.value.expected) and "batch.patch" in str(caught.value.hint)


@pytest.mark.parametrize("machine", [LAPTOP, GPU], ids=["cpu", "cuda"])
@pytest.mark.parametrize(("found", "name", "value"), [
    (VOLUMES, "preprocess.spacing", [0.01, 0.01, 0.01]),
    (PICTURES, "preprocess.long_side", 200_000),
    (THICK, "preprocess.spacing", [0.05, 0.05, 0.05]),
])  # fmt: skip
def test_make__a_case_that_cannot_be_prepared_is_refused_with_what_to_set(
    found: Any, machine: Any, name: str, value: Any
) -> None:
    with pytest.raises(ResourceError, match="preparing the largest case needs more memory") as caught:
        planned(found, steps=1, machine=machine, values={name: value})
    assert caught.value.exit_code == 6 and str(caught.value.where).startswith(f"{name} = ")
    assert "16.0 GiB free" in str(caught.value.found) and name in str(caught.value.hint)


def test_make__a_case_that_can_be_prepared_but_not_answered() -> None:
    """A hundred regions in windows of a whole image: sums of all of them. Where not every case is answered, it may be."""
    many = fingerprint((400, 400, 400), shares=[0.001] * 99)
    wide = {"batch.patch": [64, 64, 64], "preprocess.spacing": [1, 1, 1], "inference.step_share": 0.1}
    one = dict(values=wide, steps=1, machine=replace(GPU, memory_bytes=4 << 30))
    with pytest.raises(ResourceError, match="answering the largest case needs more memory") as caught:
        planned(many, **one)
    assert "batch.patch" in str(caught.value.hint)
    planned(many, **one, workload=replace(WORKLOAD, answered=20))


@pytest.mark.usefixtures("fixed_ladder")
@pytest.mark.parametrize("budget", [None, 3600.0])
def test_make__where_the_largest_network_does_not_fit_the_next_one_is_planned(budget: float | None) -> None:
    largest = planned(VOLUMES, steps=1)
    memory = int((training_bytes(largest) + BASE_BYTES) / 0.9) - 1
    made = planned(VOLUMES, budget_s=budget, cost=steady(0.001), machine=replace(LAPTOP, memory_bytes=memory))
    assert made.network.widths[0] == LADDER[1].base < largest.network.widths[0]
    assert training_bytes(made) + BASE_BYTES <= 0.9 * memory


def test_require_class_weights__only_where_each_voxel_is_one_region() -> None:
    made = planned(VOLUMES, steps=1, values={"training.class_weights": [1, 2, 3]})
    require_class_weights(made, weighted=("background", "one", "two"))
    with pytest.raises(UsageError, match="nothing excludes another"):
        require_class_weights(made, weighted=())
    require_class_weights(planned(VOLUMES, steps=1), weighted=())


def test_require_loss__one_that_this_kind_of_problem_has() -> None:
    assert planned(VOLUMES, steps=1, values={"training.loss": "focal_tversky"}).training.loss == "focal_tversky"
    with pytest.raises(UsageError, match="cannot be") as caught:
        planned(VOLUMES, steps=1, values={"training.loss": "huber"})
    assert "dice_ce" in str(caught.value.expected) and caught.value.found == "huber"


@pytest.mark.parametrize("name", ["calibrate", "sets", "by_class", "risk", "coverage"])
def test_make__a_value_of_trust_that_a_model_of_label_maps_would_not_heed(name: str) -> None:
    value = {"calibrate": "temperature", "sets": "aps", "by_class": True, "risk": 0.05, "coverage": 0.8}[name]
    with pytest.raises(UsageError, match="nothing would heed") as caught:
        planned(VOLUMES, steps=1, values={f"inference.{name}": value})
    assert str(caught.value.found).startswith("segmentation") and name in str(caught.value.where)


def test_make__a_narrow_network_on_a_processor_trains_in_float32() -> None:
    fast = replace(LAPTOP, fast_bfloat16=True)
    narrow = planned(VOLUMES, steps=1, machine=fast, values={"network.widths": [8, 16, 32, 64]})
    wide = planned(VOLUMES, steps=1, machine=fast)
    assert (narrow.training.precision, wide.training.precision) == ("float32", "bfloat16")
    assert "features" in narrow.why["training.precision"].reason
