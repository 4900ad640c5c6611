"""Snapshots change nothing of a training, and what is made of them is what the sources say."""

import itertools
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fakes import case, plan, task
from scanwright.errors import UsageError
from scanwright.network.build import build
from scanwright.plan.plan import Plan
from scanwright.problem.segmentation import Segmentation
from scanwright.training.batches import Batches
from scanwright.training.checkpoint import TrainingState
from scanwright.training.loop import Step, start, train
from scanwright.training.schedule import Timetable
from scanwright.training.snapshots import due_after, greedy_soup, mean_weights, places_of, snapshots_in

CPU = torch.device("cpu")


def trained(planned: Plan, folder: Path, *, stop_after: int | None = None) -> TrainingState:
    state = start(build(planned.network, seed=0), planned, device=CPU)
    batches = Batches([case(seed=0), case(seed=1, name="b")], planned, seed=0, device=CPU)
    events = train(state, batches, Segmentation(task(2)), planned, file=folder / "state", clock=lambda: 0.0)
    steps = (event for event in events if isinstance(event, Step))
    for _ in itertools.islice(steps, stop_after):
        pass
    events.close()  # type: ignore[attr-defined]
    return state


def every_bit(state: TrainingState) -> list[torch.Tensor]:
    return [*state.network.state_dict().values(), *state.averaged.state_dict().values()]


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_train__ends_with_the_same_bits_with_and_without_snapshots(tmp_path: Path, optimizer: str) -> None:
    without = trained(plan(steps=10, optimizer=optimizer), tmp_path / "a")
    with_them = trained(plan(steps=10, optimizer=optimizer, snapshots=4), tmp_path / "b")
    assert all(torch.equal(a, b) for a, b in zip(every_bit(without), every_bit(with_them), strict=True))
    assert (tmp_path / "a" / "state").read_bytes() == (tmp_path / "b" / "state").read_bytes()
    assert snapshots_in(tmp_path / "a") == [] and len(snapshots_in(tmp_path / "b")) == 4


def test_snapshots__the_last_is_what_training_ended_with_and_each_differs(tmp_path: Path) -> None:
    state = trained(plan(steps=10, snapshots=3), tmp_path)
    kept = [load_file(file) for file in snapshots_in(tmp_path)]
    now = state.network.state_dict()
    assert all(torch.equal(kept[-1][name], value) for name, value in now.items())
    assert not all(torch.equal(kept[0][name], value) for name, value in now.items())
    assert kept[0].keys() == load_file_names(state)


def load_file_names(state: TrainingState) -> set[str]:
    return set(state.network.state_dict())


@pytest.mark.parametrize("killed_after", [6, 7, 9])
def test_snapshots__killed_and_resumed_are_the_same(tmp_path: Path, killed_after: int) -> None:
    planned = plan(steps=10, snapshots=4)
    trained(planned, tmp_path / "whole")
    trained(planned, tmp_path / "cut", stop_after=killed_after)
    trained(planned, tmp_path / "cut")
    one, two = snapshots_in(tmp_path / "whole"), snapshots_in(tmp_path / "cut")
    assert [file.name for file in one] == [file.name for file in two]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("steps", [1, 3, 10, 97, 1000])
@pytest.mark.parametrize("count", [0, 1, 4, 7])
def test_due_after__each_place_once_and_the_last_at_the_end(steps: int, count: int) -> None:
    timetable = Timetable(steps)
    due = {step: number for step in range(1, steps + 1) if (number := due_after(timetable, step, count)) is not None}
    assert sorted(due.values()) == list(due.values()) and len(set(due.values())) == len(due)
    if count:
        assert due[steps] == count - 1
    if steps >= 10 * count:
        assert [timetable.progress(step) for step in due] == pytest.approx(places_of(count), abs=1 / steps + 1e-9)


def test_due_after__a_schedule_that_was_refitted_still_has_its_end() -> None:
    timetable = Timetable(100).refit(85, end=93)
    due = {step: number for step in range(1, 94) if (number := due_after(timetable, step, 4)) is not None}
    assert list(due.values()) == [0, 1, 2, 3] and max(due) == 93


def test_mean_weights__by_hand() -> None:
    one = {"a": torch.tensor([1.0, 2.0]), "calls": torch.tensor(3)}
    two = {"a": torch.tensor([3.0, 6.0]), "calls": torch.tensor(5)}
    mean = mean_weights([one, two])
    assert mean["a"].tolist() == [2.0, 4.0] and mean["a"].dtype == torch.float32 and int(mean["calls"]) == 5
    with pytest.raises(UsageError, match="different"):
        mean_weights([one, {"a": torch.zeros(3), "calls": torch.tensor(5)}])
    with pytest.raises(UsageError):
        mean_weights([])


def test_greedy_soup__keeps_what_does_not_harm_from_the_best_down() -> None:
    worth = {("b",): 0.8, ("a",): 0.7, ("c",): 0.6, ("b", "a"): 0.79, ("b", "c"): 0.85}
    assert greedy_soup(["a", "b", "c"], lambda names: worth[names]) == (("b", "c"), 0.85)
    assert greedy_soup(["a", "b"], lambda names: 0.5) == (("a", "b"), 0.5), "no worse is good enough"
    assert greedy_soup(["a", "b"], lambda names: None) == (("a", "b"), None)
