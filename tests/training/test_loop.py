import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fakes import case, plan, task
from scanwright.errors import IntegrityError, UsageError
from scanwright.network.build import build
from scanwright.plan.plan import Plan
from scanwright.problem.segmentation import Segmentation
from scanwright.training.batches import Batches, TrainingCase
from scanwright.training.checkpoint import TrainingState, elapsed_of, load_state, save_state
from scanwright.training.loop import Checkpoint, Event, Refit, Step, start, train

CPU = torch.device("cpu")


def fresh(planned: Plan) -> tuple[TrainingState, Batches, Segmentation]:
    problem = Segmentation(task(2))
    state = start(build(planned.network, seed=0), planned, device=CPU)
    return state, Batches([case(seed=0), case(seed=1, name="b")], planned, seed=0, device=CPU), problem


def run(planned: Plan, file: Path, **options: object) -> tuple[TrainingState, list[Event]]:
    state, batches, problem = fresh(planned)
    events = list(train(state, batches, problem, planned, file=file, clock=lambda: 0.0, **options))  # type: ignore[arg-type]
    return state, events


def weights(state: TrainingState) -> list[torch.Tensor]:
    return [*state.network.state_dict().values(), *state.averaged.state_dict().values()]


def test_train__the_loss_falls_and_the_boxes_are_found(tmp_path: Path) -> None:
    planned = plan(steps=120, learning_rate=5e-3, base=8)
    problem = Segmentation(task(2))
    held_out = [
        (
            torch.from_numpy(case(seed=9).image)[None, :, :8, :16, :16],
            torch.from_numpy(case(seed=9).target)[None, :8, :16, :16],
        )
    ]
    _, events = run(planned, tmp_path / "state", held_out=held_out)
    losses = [event.loss for event in events if isinstance(event, Checkpoint) and event.loss is not None]
    assert losses[-1] < 0.6 * losses[0]
    last = [event for event in events if isinstance(event, Checkpoint)][-1]
    assert len(last.scores) == len(problem.task.regions)
    assert all(score is not None and score > 0.5 for score in last.scores)


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
@pytest.mark.parametrize("killed_after", [1, 2, 3, 5])
def test_train__killed_and_resumed_ends_with_the_same_bits(tmp_path: Path, optimizer: str, killed_after: int) -> None:
    planned = plan(steps=6, optimizer=optimizer)
    undisturbed, _ = run(planned, tmp_path / "whole")

    state, batches, problem = fresh(planned)
    events = train(state, batches, problem, planned, file=tmp_path / "cut", clock=lambda: 0.0)
    steps = (event for event in events if isinstance(event, Step))
    for _ in itertools.islice(steps, killed_after):
        pass
    events.close()  # type: ignore[attr-defined]
    resumed, _ = run(planned, tmp_path / "cut")

    assert resumed.step == undisturbed.step == 6
    assert all(torch.equal(a, b) for a, b in zip(weights(resumed), weights(undisturbed), strict=True))


def test_train__asked_to_stop_saves_and_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    planned = plan(steps=6, checkpoint_every=4)
    undisturbed, _ = run(planned, tmp_path / "whole")
    asked = iter([False, False, True, True])
    stopped, _ = run(planned, tmp_path / "cut", should_stop=lambda: next(asked, True))
    assert 0 < stopped.step < 6
    resumed, _ = run(planned, tmp_path / "cut")
    assert all(torch.equal(a, b) for a, b in zip(weights(resumed), weights(undisturbed), strict=True))


def test_train__other_seeds_give_other_weights(tmp_path: Path) -> None:
    first, _ = run(plan(steps=3), tmp_path / "a")
    state, _, problem = fresh(plan(steps=3))
    other = Batches([case(seed=0), case(seed=1)], plan(steps=3), seed=1, device=CPU)
    list(train(state, other, problem, plan(steps=3), file=tmp_path / "b", clock=lambda: 0.0))
    assert not torch.equal(weights(first)[0], weights(state)[0])


def ticking(seconds: Iterator[float]) -> object:
    return lambda: next(seconds)


@pytest.mark.parametrize(("step_s", "slow_from", "slow_s"), [(1.0, 10, 3.0), (1.0, 0, 0.5), (1.0, 20, 2.0)])
def test_train__with_a_budget_ends_on_time_when_the_pace_changes(
    tmp_path: Path, step_s: float, slow_from: int, slow_s: float
) -> None:
    planned = plan(steps=40, budget_s=40.0, checkpoint_every=2)
    state, batches, problem = fresh(planned)
    events = []
    for event in train(
        state, batches, problem, planned, file=tmp_path / "s", budget_s=40.0,
        clock=lambda: sum(slow_s if step >= slow_from else step_s for step in range(state.step)),
    ):  # fmt: skip
        events.append(event)
    taken = sum(slow_s if step >= slow_from else step_s for step in range(state.step))
    assert 0.85 * 40 <= taken <= 1.1 * 40
    assert any(isinstance(event, Refit) for event in events)
    rates = [event.learning_rate for event in events if isinstance(event, Step)]
    assert rates[-1] < 0.1 * max(rates), "the learning rate reaches its end whatever happened"


def test_train__a_loss_that_is_not_finite_changes_nothing_and_then_stops(tmp_path: Path) -> None:
    planned = plan(steps=60)
    state, _, problem = fresh(planned)
    good = case()
    broken = [TrainingCase("x", good.image * float("nan"), good.target, good.foreground)]
    before = [value.clone() for value in weights(state)]
    with pytest.raises(UsageError, match="not finite"):
        list(
            train(
                state,
                Batches(broken, planned, seed=0, device=CPU),
                problem,
                planned,
                file=tmp_path / "s",
                clock=lambda: 0.0,
            )
        )
    assert all(torch.equal(a, b) for a, b in zip(weights(state), before, strict=True))


def test_train__skipped_steps_are_counted_and_said(tmp_path: Path) -> None:
    """One broken case among good ones: training goes on, and every checkpoint says how many steps it has cost."""
    planned = plan(steps=40)
    planned = planned.model_copy(update={"batch": planned.batch.model_copy(update={"size": 1})})
    state, _, problem = fresh(planned)
    good = case()
    mixed = [good, TrainingCase("x", good.image * float("nan"), good.target, good.foreground)]
    batches = Batches(mixed, planned, seed=0, device=CPU)
    events = list(train(state, batches, problem, planned, file=tmp_path / "s", clock=lambda: 0.0))
    skipped = [event.loss for event in events if isinstance(event, Step)].count(None)
    counts = [event.skipped for event in events if isinstance(event, Checkpoint)]
    assert 0 < skipped < 40
    assert counts == sorted(counts)
    assert counts[-1] == skipped
    again, _, _ = fresh(planned)
    load_state(tmp_path / "s", again)
    assert (again.skipped, again.losses) == (skipped, [])


def test_load_state__a_cut_file_is_refused(tmp_path: Path) -> None:
    state, _ = run(plan(steps=2), tmp_path / "s")
    whole = (tmp_path / "s").read_bytes()
    (tmp_path / "s").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IntegrityError):
        load_state(tmp_path / "s", state)


def test_load_state__of_another_network_is_refused(tmp_path: Path) -> None:
    run(plan(steps=2), tmp_path / "s")
    other, _, _ = fresh(plan(steps=2, base=8))
    with pytest.raises(IntegrityError):
        load_state(tmp_path / "s", other)


def test_elapsed_of__a_saved_state_or_none(tmp_path: Path) -> None:
    state, _ = run(plan(steps=2), tmp_path / "state")
    state.elapsed_s = 12.5
    save_state(tmp_path / "state", state)
    assert elapsed_of(tmp_path / "state") == 12.5
    assert elapsed_of(tmp_path / "none") == 0.0
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:40])
    assert elapsed_of(tmp_path / "state") == 0.0


def test_save_state__is_read_back_whole(tmp_path: Path) -> None:
    state, _ = run(plan(steps=3), tmp_path / "s")
    state.timetable = state.timetable.refit(2, end=9)
    save_state(tmp_path / "again", state)
    other, _, _ = fresh(plan(steps=3))
    load_state(tmp_path / "again", other)
    assert (other.step, other.timetable) == (state.step, state.timetable)
    assert all(torch.equal(a, b) for a, b in zip(weights(other), weights(state), strict=True))
