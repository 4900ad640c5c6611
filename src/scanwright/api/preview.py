"""The verb `data preview`: what random changes make of a data set's own images, before anything is trained on them.

Patches come from the training code itself (`training.batches`), with the plan that a run would have. Above each of them stands
the same patch with every range of the plan at nothing: the numbers drawn are the same, so that it is the same place.
"""

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scanwright.api.run.known_cases import target_text
from scanwright.api.run.study import require_learnable, training_facts
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.checks import check, raise_if_errors
from scanwright.dataset.fingerprint import fingerprint
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Kind
from scanwright.errors import InputError, UsageError
from scanwright.figures.augmented import Pairs, Pane, augmented_png
from scanwright.figures.overlay import largest_slice
from scanwright.files import read_json, write_bytes
from scanwright.plan.ablation import OFF
from scanwright.plan.budget import Cost, Workload
from scanwright.plan.make import make
from scanwright.plan.plan import Plan, plan_from_json
from scanwright.plan.settings import Settings
from scanwright.problem.known import problem_of
from scanwright.problem.label_maps.told import values_of
from scanwright.protocols import IGNORE, Listener, Problem, Progress, silent
from scanwright.report.wording import changes_text
from scanwright.runtime import choose_device, describe_machine, num_threads
from scanwright.training.batches import Batches, TrainingCase
from scanwright.transform.prepare import prepare_case
from scanwright.types import Array

DEFAULT_CASES, DEFAULT_SAMPLES = 3, 5


@dataclass(frozen=True, slots=True)
class Previewed:
    """The picture, the cases in it, and the ranges that changes were drawn from."""

    file: Path
    cases: tuple[str, ...]
    augment: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {"file": str(self.file), "cases": list(self.cases), "augment": dict(self.augment)}


def preview(
    data: str | Path,
    out: str | Path,
    *,
    plan: str | Path | None = None,
    cases: int = DEFAULT_CASES,
    samples: int = DEFAULT_SAMPLES,
    layout: str | None = None,
    task: Kind | None = None,
    seed: int = 0,
    tell: Listener = silent,
) -> Previewed:
    """Draw a few cases as they are and as training sees them, to a .png or .html file.

    plan: a run's plan.json; without one, a plan is made as `train` would make it for a single fold, which reads every case.
    cases: how many, evenly spread over the data set. samples: patches of each, or of whole images copies. Mixtures of several
    images are not shown: each case is changed by itself.
    Raises UsageError for another suffix or kind of problem, DatasetFaults if the data have errors, IntegrityError for a plan
    that is none.
    """
    file = Path(out)
    if file.suffix.lower() not in (".png", ".html"):
        raise UsageError("a preview is a picture or a page", where=file, expected="a name that ends in .png or .html")
    dataset = read_dataset(Path(data), layout, kind=task)
    require_learnable(dataset)
    if not dataset.train:
        raise InputError("no labelled case to preview", where=dataset.root, found=dataset.stated)
    decided = (
        planned_for(dataset, tell=tell) if plan is None else plan_from_json(read_json(Path(plan)), where=Path(plan))
    )
    _require_fitting(decided, dataset)
    chosen = dataset.train[:: max(1, len(dataset.train) // cases)][:cases]
    problem = problem_of(dataset.task)
    pairs = []
    for number, case in enumerate(chosen):
        tell(Progress("preview", done=number, total=len(chosen)))
        prepared = training_case(case, dataset, decided, problem)
        known = target_text(case, dataset.task)
        shown = pairs_of(prepared, decided, problem, step=number, samples=samples, seed=seed)
        pairs.append(replace(shown, title=f"{case.id}: {known}") if known else shown)
    tell(Progress("preview", done=len(chosen), total=len(chosen)))
    regions = {region.name: region.values for region in dataset.task.regions}
    made = augmented_png(pairs, regions=regions) if file.suffix.lower() == ".png" else page(pairs, regions, dataset)
    write_bytes(file, made)
    return Previewed(file, tuple(case.id for case in chosen), decided.augment.model_dump(mode="json"))


def planned_for(dataset: Dataset, *, tell: Listener) -> Plan:
    """The plan of a run without a budget. Raises DatasetFaults if the data have errors."""

    def progress(done: int, total: int) -> None:
        tell(Progress("check", done=done, total=total))

    checks = check(dataset, jobs=num_threads(), on_progress=progress)
    raise_if_errors(checks)
    facts = training_facts(dataset, checks)
    return make(
        fingerprint(facts, dataset.task, {case.id: case.target for case in dataset.train}),
        Settings(fold=0),
        problem=problem_of(dataset.task),
        folds=[0],
        machine=describe_machine(choose_device("auto")),
        workload=Workload(folds=1, cases=len(facts), answered=0, spent_s=0.0, per_case_s=0.0, tail_s=0.0),
        cost=_unmeasured,
    )


def _unmeasured(plan: Plan) -> Cost:
    raise AssertionError("without a budget nothing is measured")


def _require_fitting(plan: Plan, dataset: Dataset) -> None:
    """Raise UsageError for a plan of another data set."""
    wanted, found = len(dataset.task.channels), plan.network.in_channels
    if wanted != found:
        expected = f"{wanted} channel{'s' * (wanted > 1)}, as the data set has"
        raise UsageError("a plan of other data", expected=expected, found=found, hint="Leave --plan out.")


def training_case(case: Case, dataset: Dataset, plan: Plan, problem: Problem) -> TrainingCase:
    """A case prepared as for training. Raises InputError if it cannot be read."""
    arrays = prepare_case(case, dataset.task, plan.preprocess, problem.codes)
    target = problem.encode(case.target)
    if target is not None:
        return TrainingCase(case.id, arrays["image"], target)
    rows = arrays["foreground"]
    foreground = {int(code): rows[rows[:, 0] == code, 1:] for code in np.unique(rows[:, 0])}
    return TrainingCase(case.id, arrays["image"], arrays["codes"], foreground)


def unchanged(plan: Plan) -> Plan:
    """The plan with every range of random changes at nothing."""
    return plan.model_copy(update={"augment": plan.augment.model_copy(update=OFF)})


def pairs_of(case: TrainingCase, plan: Plan, problem: Problem, *, step: int, samples: int, seed: int) -> Pairs:
    """Patches of one case as they are and as they are trained on: a step of a training on it alone, in one batch."""
    plan = plan.model_copy(update={"batch": plan.batch.model_copy(update={"size": samples})})
    device = torch.device("cpu")
    still = Batches((case,), unchanged(plan), seed, device).batch(step)
    alone = plan.model_copy(update={"augment": plan.augment.model_copy(update={"mixup": 0.0})})
    moving = Batches((case,), alone, seed, device)
    draw = moving.draw(step)
    moved = moving.apply(draw)
    words = [changes_text(draw.warp, draw.tint, k, spacing=moving.spacing) for k in range(samples)]
    windows = [_window(image) for image in still[0]]
    return Pairs(
        title=case.case,
        before=[pane(still, k, plan, problem, window=windows[k]) for k in range(samples)],
        after=[pane(moved, k, plan, problem, window=windows[k], caption=words[k]) for k in range(samples)],
    )


def pane(
    batch: tuple[Tensor, Tensor],
    k: int,
    plan: Plan,
    problem: Problem,
    *,
    window: tuple[float, float],
    caption: str = "",
) -> Pane:
    """One sample of a batch as a slice, cut where its structures are largest, turned as a radiologist sees it."""
    image, target = batch[0][k].numpy(), batch[1][k].numpy()
    codes = target if target.ndim == image.ndim - 1 else np.zeros(image.shape[1:], np.uint8)  # of a whole image: no map
    cut = largest_slice((codes != 0) & (codes != IGNORE), 0)
    _, down, across = plan.preprocess.axes
    spacing = plan.preprocess.spacing or (1.0, 1.0, 1.0)
    upright = down > across

    def shown(array_HW: Array) -> Array:
        turned = array_HW if upright else np.swapaxes(array_HW, 0, 1)
        return np.flip(turned, axis=(0, 1))

    labels = shown(values_of(codes[cut], problem.codes))
    colour = len(image) == 3 and plan.preprocess.spacing is None
    picture = np.stack([shown(channel[cut]) for channel in image], axis=-1) if colour else shown(image[0, cut])
    aspect = spacing[1] / spacing[2] if upright else spacing[2] / spacing[1]
    return Pane(image=picture, labels=labels, window=window, aspect=aspect, caption=caption)


def _window(image_CDHW: Tensor) -> tuple[float, float]:
    low, high = np.percentile(image_CDHW.numpy(), (0.5, 99.5))
    return float(low), float(high)


def page(pairs: Sequence[Pairs], regions: Mapping[str, Sequence[int]], dataset: Dataset) -> bytes:
    """One page that opens offline: a picture for each case, under its name."""
    parts = []
    for one in pairs:
        untitled = Pairs(title="", before=one.before, after=one.after)
        data = base64.b64encode(augmented_png([untitled], regions=regions)).decode()
        name = html.escape(one.title)
        parts.append(f'<h2>{name}</h2>\n<img alt="patches of {name}" src="data:image/png;base64,{data}">')
    title = html.escape(f"What training sees of {dataset.task.name}")
    head = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>'
    style = (
        "<style>body{font:15px system-ui;max-width:70rem;margin:2rem auto;padding:0 1rem}img{max-width:100%}</style>"
    )
    said = "Above: patches as they are. Below: the same patches as the network is shown them, changed at random."
    return "\n".join([head, style, f"<h1>{title}</h1><p>{said}</p>", *parts, "</html>", ""]).encode()
