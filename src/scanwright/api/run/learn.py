"""The second part of a run: prepare every case once, then train each fold, drawing what happens while it happens."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scanwright.api.run.beginning import begun
from scanwright.api.run.evidence import answer_patch, draw_curves, patch_grid
from scanwright.api.run.fit import fit_fold
from scanwright.api.run.fit_normal import fit_normal_fold
from scanwright.api.run.folder import WEIGHTS, Run
from scanwright.api.run.outlines import outline_hashes, require_outlines
from scanwright.api.run.study import Study
from scanwright.dataset.cases import Boxes
from scanwright.dataset.store import Store
from scanwright.errors import IntegrityError, ResourceError
from scanwright.files import write_bytes
from scanwright.plan.budget import USED_SHARE
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.normal_plan import NormalPlan
from scanwright.plan.plan import Plan
from scanwright.protocols import IGNORE, Listener, Progress
from scanwright.training.batches import Batches, TrainingCase, cut, stacked
from scanwright.training.checkpoint import elapsed_of, save_weights
from scanwright.training.loop import Checkpoint, Event, Refit, Step, start, train
from scanwright.transform.prepare import prepare_into, store_key
from scanwright.types import Array
from scanwright.workers import spread

FEW_CASES = 12
"""Below this, starting worker processes takes longer than they save."""

HELD_OUT, HELD_OUT_IMAGES = 4, 64
"""Validation cases of the quick score: patches of a few, or so many whole images, which cost little each."""
SMALL_BYTES = 4 << 20
"""A whole image up to this size is kept in memory; a file for each of a batch would cost more than its step."""
EXAMPLES = 0.2
"""Share of the training after which example.png is drawn again."""
LEAST_SHARE = 0.1
"""Of the seconds that a fold's steps were planned to take."""
STATE = "state.safetensors"
FITTED: Mapping[type, Callable[..., None]] = {ClassicalPlan: fit_fold, NormalPlan: fit_normal_fold}
"""What takes the place of training, by the kind of model that takes no steps."""


class OutOfTime(ResourceError):
    """Earlier sessions have used the budget, and a fold of which there is nothing yet would be no model."""


class Stopped(KeyboardInterrupt):
    """The user asked to stop; everything is saved. Carries the sentence that says how to go on."""


def prepare(run: Run, study: Study, *, tell: Listener) -> dict[str, str]:
    """Prepare every case that trains or validates; gives the store key of each. What is there already is not done again."""
    if study.plan.reads_outlines:
        require_outlines(run, study)
    store = Store(run.store)
    names = sorted({name for fold in study.plan.training.folds for name in used_cases(study, fold)})
    plan, codes, outlined = study.plan.preprocess, dict(study.problem.codes), study.plan.reads_outlines
    keys = {name: store.key(store_key(content(study, name), plan, codes)) for name in names}
    missing = [name for name in names if not store.has(keys[name])]
    work = partial(prepare_into, store.root, task=study.dataset.task, plan=plan, codes=codes, outlined=outlined)
    jobs = [(study.case(name), keys[name]) for name in missing]
    done = len(names) - len(missing)
    workers = study.plan.training.threads
    at_once = max(1, len(jobs) // (workers * 8))
    for _ in spread(work, jobs, workers=workers, few=FEW_CASES, at_once=at_once):
        done += 1
        run.beat()
        tell(Progress("prepare", done=done, total=len(names)))
    return keys


def content(study: Study, name: str) -> dict[str, Any]:
    """What decides the voxels of a prepared case."""
    facts = study.facts(name)
    target = study.case(name).target
    return {
        "images": list(facts.image_hashes),
        "label": facts.label_hash,
        "grids": facts.grid_hash,
        **({"judged": list(judged)} if (judged := study.case(name).judged) else {}),
        **({"outline": outline_hashes(study.case(name))} if study.plan.reads_outlines else {}),
        **({"boxes": target.model_dump(mode="json")} if isinstance(target, Boxes) else {}),
    }


def used_cases(study: Study, fold: int) -> list[str]:
    """Cases that a fold trains on, and those that its quick score looks at."""
    parts = study.splits.folds[fold]
    return [*parts.train, *watched_cases(study, fold)]


def watched_cases(study: Study, fold: int) -> list[str]:
    """The validation cases of a fold that the quick score looks at, evenly spread over their names."""
    names = study.splits.folds[fold].validation
    if not study.problem.sees_whole:
        return list(names[:HELD_OUT])
    return list(names[:: max(1, -(-len(names) // HELD_OUT_IMAGES))])


def train_folds(run: Run, study: Study, keys: Mapping[str, str], *, device: torch.device, tell: Listener) -> None:
    """Train every planned fold that is not finished. Raises Stopped if the user asked to."""
    folds = study.plan.training.folds
    for position, fold in enumerate(folds):
        if run.fold(fold).joinpath(WEIGHTS).exists():
            continue
        used_s = elapsed_of(run.fold(fold) / STATE)
        budget_s = fold_budget(run, study, folds_left=len(folds) - position, used_s=used_s)
        if fit := FITTED.get(type(study.plan.network)):
            fit(run, study, keys, fold, tell=tell)
            continue
        with interruptible() as stop:
            train_fold(run, study, keys, fold, budget_s=budget_s, device=device, tell=tell, stop=stop)


def fold_budget(run: Run, study: Study, *, folds_left: int, used_s: float) -> float | None:
    """Wall time for the loop of the next fold: an equal share of what is left, less what comes after training.

    used_s: what an earlier session spent on this fold, which counts towards its share. Raises ResourceError if so little is
    left by earlier sessions that a fold of which there is nothing yet would be no model.
    """
    plan = study.plan.training
    if plan.budget_s is None or plan.reserve_s is None:
        return None
    left_s = USED_SHARE * plan.budget_s - plan.reserve_s - run.elapsed_s
    share_s = (left_s + used_s) / folds_left
    planned_s = plan.steps * (plan.step_s or 0.0)
    if run.clock.before_s and not used_s and share_s < LEAST_SHARE * planned_s:
        raise OutOfTime(
            "too little of the budget is left to train a fold from its beginning",
            where=run.folder,
            expected=f"a share of {plan.budget_s:g} s",
            found=f"{run.elapsed_s:.0f} s are used",
            hint="Add --restart to begin anew.",
        )
    return max(1.0, share_s - used_s)


def train_fold(
    run: Run,
    study: Study,
    keys: Mapping[str, str],
    fold: int,
    *,
    budget_s: float | None,
    device: torch.device,
    tell: Listener,
    stop: Callable[[], bool],
) -> None:
    """Train one fold to its end and write its weights."""
    plan, store = study.plan, Store(run.store)
    parts = study.splits.folds[fold]
    training = [stored_case(store, keys[name], study, name) for name in parts.train]
    watched = [stored_case(store, keys[name], study, name) for name in watched_cases(study, fold)]
    held_out = [watch_patch(case, plan, device) for case in watched]
    network = begun(plan, fold, study.beginning)
    assert network is not None, "classical models are fitted elsewhere"
    state = start(network, plan, device=device)
    batches = Batches(training, plan, seed=plan.training.seed * 1000 + fold, device=device)
    events = train(
        state,
        batches,
        study.problem,
        plan,
        file=run.fold(fold) / STATE,
        clock=time.monotonic,
        budget_s=budget_s,
        held_out=held_out,
        should_stop=stop,
    )
    log = Log(run.fold(fold) / "log.jsonl")
    drawn = 0
    for event in events:
        run.beat()
        log.write(event)
        tell(training_progress(event, fold, log))
        if isinstance(event, Checkpoint):
            draw_curves(run.fold(fold) / "curves.png", log.lines, study.problem.parts)
        if isinstance(event, Checkpoint) and held_out and event.step >= EXAMPLES * drawn * event.end:
            answered = answer_patch(state.averaged, held_out[0], plan=plan, problem=study.problem)
            if picture := study.problem.sketch(*held_out[0], answered, grid=patch_grid(plan)):
                write_bytes(run.fold(fold) / "example.png", picture)
            drawn += 1
    if state.step < state.timetable.end:
        raise Stopped(f"stopped at step {state.step} of {state.timetable.end}, saved")
    save_weights(run.fold(fold) / WEIGHTS, state.averaged)
    if stop():
        raise Stopped(f"stopped when fold {fold} was trained, saved")


def stored_case(store: Store, key: str, study: Study, name: str) -> TrainingCase:
    """A prepared case, memory-mapped, with its target."""
    arrays = store.open(key).arrays
    if "boxes" in arrays:
        return boxed_case(name, arrays["image"], np.array(arrays["boxes"]))
    target = study.problem.encode(study.case(name).target)
    if target is not None:
        image = arrays["image"]
        return TrainingCase(name, np.array(image) if image.nbytes <= SMALL_BYTES else image, target)
    rows = arrays["foreground"]
    foreground = {int(code): rows[rows[:, 0] == code, 1:] for code in sorted(set(rows[:, 0].tolist()))}
    return TrainingCase(name, arrays["image"], arrays["codes"], foreground)


def boxed_case(name: str, image: Array, boxes_M7: Array) -> TrainingCase:
    """A prepared case whose target is boxes; patches may be centred on the middle of one."""
    middles = (boxes_M7[:, 1:4] + boxes_M7[:, 4:]) / 2
    inside = np.clip(middles, 0, np.array(image.shape[1:]) - 1).astype(np.int64)
    codes = [int(code) for code in np.unique(boxes_M7[:, 0]) if code != IGNORE]
    foreground = {code: inside[boxes_M7[:, 0] == code] for code in codes}
    return TrainingCase(name, np.array(image) if image.nbytes <= SMALL_BYTES else image, boxes_M7, foreground)


def watch_patch(case: TrainingCase, plan: Plan, device: torch.device) -> tuple[Tensor, Tensor]:
    """A fixed patch of a validation case, centred on its foreground, as a batch of one."""
    points = [point for rows in case.foreground.values() for point in rows]
    middle = [length // 2 for length in case.image.shape[1:]]
    center = [int(sum(p[k] for p in points) / len(points)) for k in range(3)] if points else middle
    fitted = [
        length // 2 if length <= size else min(max(want, size // 2), length - (size - size // 2))
        for want, size, length in zip(center, plan.batch.patch, case.image.shape[1:], strict=True)
    ]
    image, target = cut(case, fitted, plan.batch.patch)
    image, target = image.copy(), stacked([target.copy()])[0]  # else views of a file
    return torch.from_numpy(image)[None].to(device), torch.from_numpy(target)[None].to(device)


class Log:
    """log.jsonl of one fold: a line a checkpoint or refit. A resumed run drops the lines after its last checkpoint."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: list[dict[str, Any]] = read_log(file)
        self.began = time.monotonic()
        self.first_step: int | None = None

    def write(self, event: Event) -> None:
        """Note an event that lasts; single steps are not written."""
        if isinstance(event, Step):
            return
        line = {"event": type(event).__name__.lower(), **{name: getattr(event, name) for name in event.__slots__}}
        earlier = [old for old in self.lines if old["step"] <= event.step]
        self.lines = [old for old in earlier if (old["step"], old["event"]) != (event.step, line["event"])] + [line]
        write_bytes(self.file, "".join(json.dumps(one) + "\n" for one in self.lines).encode())

    def left_s(self, event: Step) -> float | None:
        """Seconds until the end of the fold, at the pace of this session."""
        if self.first_step is None:
            self.first_step, self.began = event.step, time.monotonic()
        done = event.step - self.first_step
        return (time.monotonic() - self.began) / done * (event.end - event.step) if done >= 3 else None


def read_log(file: Path) -> list[dict[str, Any]]:
    """The lines of a log, [] if there is none. Raises IntegrityError if one of them is not whole."""
    try:
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    except ValueError as error:
        raise IntegrityError("a log that cannot be read", where=file, found=str(error), hint="Remove it.") from error


def training_progress(event: Event, fold: int, log: Log) -> Progress:
    """An event as progress for people."""
    if isinstance(event, Step):
        return Progress(f"train fold {fold}", done=event.step, total=event.end, left_s=log.left_s(event))
    if isinstance(event, Refit):
        note = f"{event.step_s:.2f} s a step: the schedule now ends at step {event.end} instead of {event.end_before}"
        return Progress(f"train fold {fold}", done=event.step, total=event.end, note=note)
    scores = ", ".join("–" if score is None else f"{score:.3f}" for score in event.scores)
    note = f"step {event.step}: loss {event.loss:.3f}" if event.loss is not None else f"step {event.step}"
    note += f", quick score {scores}" if scores else ""
    note += f", {event.skipped} steps skipped so far: loss or gradients were not finite" if event.skipped else ""
    return Progress(f"train fold {fold}", done=event.step, total=event.end, note=note)


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C (or SIGTERM) into a flag that the loop reads after each step; a second one interrupts at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
