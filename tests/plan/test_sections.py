import pytest

from plan_samples import GPU, PICTURES, THICK, VOLUMES, planned, steady
from scanwright.errors import UsageError
from scanwright.plan.every_kind import CHECKPOINTS, LONGEST_STRETCH_S
from scanwright.plan.rules import DEFAULT, MEASURED


def test_sections__thick_slices_are_turned_within_the_slice_only() -> None:
    assert planned(THICK, steps=1).augment.rotate_deg[1:] == (0, 0)
    assert planned(PICTURES, steps=1).augment.rotate_deg[1:] == (0, 0)
    assert min(planned(VOLUMES, steps=1).augment.rotate_deg) > 0


def test_sections__precision_and_threads_are_the_machines() -> None:
    slow, fast = planned(VOLUMES, steps=1), planned(VOLUMES, steps=1, machine=GPU)
    assert (slow.training.precision, fast.training.precision) == ("float32", "bfloat16")
    assert slow.training.threads == 2


def test_sections__more_threads_than_cores_are_refused() -> None:
    assert planned(VOLUMES, steps=1, values={"training.threads": 1}).training.threads == 1
    with pytest.raises(UsageError) as caught:
        planned(VOLUMES, steps=1, values={"training.threads": 3})
    assert caught.value.where == "training.threads" and "at most 2" in str(caught.value.expected)


def test_sections__reasons_say_what_was_done() -> None:
    why = planned(VOLUMES, steps=10).why
    assert {why[f"training.{name}"].reason for name in ("budget_s", "reserve_s", "step_s")} == {"no budget was given"}
    assert why["network.fold"].reason == "every voxel enters by itself"
    budgeted = planned(VOLUMES, budget_s=7200.0, cost=steady(0.1)).why
    assert budgeted["training.step_s"].reason == "measured before training"


def test_sections__what_the_notes_compare_is_called_compared() -> None:
    """docs/design/0004-rules.md has rows for these; on CUDA no batch was compared."""
    compared = ("batch.size", "training.ema_decay", "augment.contrast", "augment.blur_voxels", "augment.elastic_voxels")
    for found in (VOLUMES, PICTURES):
        why = planned(found, steps=10).why
        assert {why[name].source for name in compared} == {MEASURED}
    assert planned(VOLUMES, steps=10, machine=GPU).why["batch.size"].source == DEFAULT


def test_sections__what_is_set_changes_what_is_decided_after_it() -> None:
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


def test_sections__steps_set_by_hand_are_as_good_as_the_option() -> None:
    by_option, by_hand = planned(VOLUMES, steps=480), planned(VOLUMES, values={"training.steps": 480})
    assert by_hand.digest == by_option.digest
    assert by_hand.training.checkpoint_every == 480 // CHECKPOINTS


def test_sections__levels_that_do_not_agree_are_refused() -> None:
    with pytest.raises(UsageError, match="one entry a level") as caught:
        planned(VOLUMES, steps=1, values={"network.widths": [8, 16]})
    levels = len(planned(VOLUMES, steps=1).network.widths)
    assert f"2, {levels} and {levels}" in str(caught.value.found)


def test_sections__a_checkpoint_at_least_once_a_minute() -> None:
    made = planned(VOLUMES, budget_s=3e5, cost=steady(7.0))
    assert made.training.checkpoint_every == int(LONGEST_STRETCH_S / 7)
    assert planned(VOLUMES, budget_s=3e5, cost=steady(600.0)).training.checkpoint_every == 1
