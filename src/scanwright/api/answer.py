"""The third part of a run: answer the cases that were held out, each by the fold that never saw it, and score the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from scanwright.api.learn import WEIGHTS
from scanwright.api.run import Run, read_record, reading_own
from scanwright.api.study import Study
from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_case_image
from scanwright.dataset.task import Task
from scanwright.errors import IntegrityError, ResourceError
from scanwright.evaluation.evaluate import CaseRow, evaluate_case, rows_to_csv, summarise
from scanwright.evaluation.measures import default_tolerance
from scanwright.files import is_plain_name, sha256_file, write_bytes, write_json
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.inference.predict import Engine, predict_labels
from scanwright.io.formats import is_picture, read_label, write_label
from scanwright.io.source import place_of
from scanwright.network.build import build
from scanwright.plan.memory import prediction_bytes, row_bytes
from scanwright.plan.plan import Plan
from scanwright.protocols import Listener, Problem, Progress
from scanwright.runtime import free_memory_bytes
from scanwright.transform.prepare import require_finite
from scanwright.transform.preprocess import Placement, to_network, whole

ANSWERED_BY = "answered_by.json"
"""Beside the predictions of a run: the SHA-256 of the weights that answered each case."""
SAFE_SHARE = 0.9
LARGE_ROW = 2 << 30


def answer_held_out(run: Run, study: Study, *, device: torch.device, tell: Listener) -> None:
    """Predict every validation case of the trained folds, and the declared test cases by all of them together.

    What is there already is kept if it was answered by the weights that are there now: a fold may have been trained anew.
    """
    folds = study.plan.training.folds
    jobs = [(name, [fold]) for fold in folds for name in study.splits.folds[fold].validation]
    jobs += [(name, list(folds)) for name in study.splits.test]
    networks = {fold: trained_network(run.fold(fold) / WEIGHTS, study.plan, device) for fold in folds}
    weights = {fold: sha256_file(run.fold(fold) / WEIGHTS) for fold in folds}
    known = run.path("predictions", ANSWERED_BY)
    answered_by: dict[str, list[str]] = read_record(known) if known.exists() else {}
    for done, (name, judges) in enumerate(jobs):
        file = prediction_file(run, study.case(name), test=name in study.splits.test)
        judged_by = [weights[fold] for fold in judges]
        if not file.exists() or answered_by.get(name) != judged_by:
            engine = Engine([networks[fold] for fold in judges], study.plan, study.problem, device)
            image = read_case_image(study.case(name), study.dataset.task)
            write_label(file, predict_volume(engine, image, where=place_of(study.case(name).images[0])))
            answered_by[name] = judged_by
            write_json(known, answered_by)
        run.beat()
        tell(Progress("predict", done=done + 1, total=len(jobs)))


def trained_network(file: Path, plan: Plan, device: torch.device) -> nn.Module:
    """The network of one fold with its averaged weights, ready to answer. Raises IntegrityError if the file is not whole."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return network_with(load_file(file), plan, device)
    except (SafetensorError, RuntimeError) as error:
        anew = f"Remove {file.parent} and run the same command again; this fold is then trained anew."
        hint = (
            anew if plan.training.budget_s is None else "Add --restart to begin anew: the budget of this run is used."
        )
        found = str(error).partition("\n")[0][:160]
        raise IntegrityError("weights that cannot be read", where=file, found=found, hint=hint) from error


def network_with(weights: Mapping[str, torch.Tensor], plan: Plan, device: torch.device) -> nn.Module:
    """The planned network with these weights, on the device, in the planned layout. Raises what torch raises if they differ."""
    from scanwright.network.blocks import kernels_to_layout

    network = build(plan.network)
    network.load_state_dict(weights)
    network = network.to(device).eval()
    if plan.training.channels_last:
        kernels_to_layout(network)
    return network


def prediction_file(run: Run, case: Case, *, test: bool) -> Path:
    """Where a case's answer lies: pictures as PNG, all else as NIfTI."""
    picture = is_picture(case.images[0])
    folder = run.path("predictions", "test") if test else run.path("predictions")
    assert is_plain_name(case.id), "read_dataset has refused it"
    return folder / f"{case.id}{'.png' if picture else '.nii.gz'}"


class TooLarge(ResourceError):
    """An image whose prediction does not fit into the memory that is free."""


def predict_volume(engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None) -> Volume:
    """Labels on the image's own grid. Raises TooLarge, before it begins, if memory would not suffice."""
    fitted = fit_memory(engine, whole(image.grid, engine.plan.preprocess), where=where)
    network_input, placement = to_network(image, engine.plan.preprocess)
    require_finite(network_input, where=where)
    progress = None if tell is None else (lambda share: tell(Progress("predict", done=share, total=1.0)))
    labels = predict_labels(fitted, network_input, placement, progress=progress)
    return Volume(labels[None], image.grid)


def fit_memory(engine: Engine, placement: Placement, *, where: Path | None = None) -> Engine:
    """The engine with running sums in float32, or float16 where those are large. Raises TooLarge if it cannot fit.

    placement: of the whole image, from its header, so that nothing has been allocated for it yet.
    """
    have = free_memory_bytes()
    half = needs_half(engine, placement)
    need = expected_bytes(engine, placement, half=half)
    if need > SAFE_SHARE * have:
        raise TooLarge(
            "this prediction needs more memory than is free",
            where=where,
            expected=f"{need / 2**30:.1f} GiB for {engine.problem.outputs} outputs on {placement.shape} voxels",
            found=f"{have / 2**30:.1f} GiB free",
            hint="Close other programs, or crop the image.",
        )
    return replace(engine, half=half)


def needs_half(engine: Engine, placement: Placement) -> bool:
    """Whether a row of windows in float32 would be large: over 2 GiB, or over a quarter of what is free."""
    return row_bytes(engine.plan, placement.shape) > min(LARGE_ROW, free_memory_bytes() // 4)


def expected_bytes(engine: Engine, placement: Placement, *, half: bool) -> int:
    """Peak memory of a prediction above its input, from shapes alone."""
    return prediction_bytes(
        engine.plan,
        network_shape=placement.shape,
        case_shape=canonical(placement.grid.affine).permuted(engine.plan.preprocess.axes).shape(placement.grid.shape),
        half=half,
        networks=len(engine.networks),
    )


@dataclass(frozen=True, slots=True)
class Scores:
    """Rows of every judged case, and the summary that is metrics.json."""

    rows: list[CaseRow]
    test_rows: list[CaseRow]
    summary: dict[str, Any]


def score(run: Run, study: Study, *, tell: Listener) -> Scores:
    """Compare every answer with its label; writes metrics.json and cases.csv."""
    task = study.dataset.task
    fold_of = {name: fold for fold in study.plan.training.folds for name in study.splits.folds[fold].validation}
    names = [*fold_of, *study.splits.test]
    spacings = [study.facts(name).spacing for name in names]
    tolerance = default_tolerance(spacings, shapes=[study.facts(name).shape for name in names])
    rows: list[CaseRow] = []
    for done, name in enumerate(names):
        answer = own_answer(prediction_file(run, study.case(name), test=name not in fold_of))
        rows.append(score_case(study.case(name), answer, task, fold=fold_of.get(name), tolerance=tolerance))
        tell(Progress("evaluate", done=done + 1, total=len(names)))
    judged, tested = rows[: len(fold_of)], rows[len(fold_of) :]
    summary = summarise_rows(judged, tested, study.problem, task, seed=study.plan.training.seed, tolerance=tolerance)
    write_json(run.path("metrics.json"), summary)
    regions = [region.name for region in task.regions]
    write_bytes(run.path("cases.csv"), rows_to_csv(rows, regions=regions).encode())
    return Scores(judged, tested, summary)


def own_answer(file: Path) -> Volume:
    """An answer that this run has written. Raises IntegrityError if it is not whole any more."""
    with reading_own(file, hint="Remove it and run the same command again; it is then answered anew."):
        return read_label(file)


def summarise_rows(
    rows: Sequence[CaseRow], test: Sequence[CaseRow], problem: Problem, task: Task, *, seed: int, tolerance: float
) -> dict[str, Any]:
    """metrics.json. If only a test split was judged, it stands for the whole."""
    return summarise(
        rows or test,
        problem=problem.name,
        primary=problem.primary,
        regions=[region.name for region in task.regions],
        seed=seed,
        tolerance=tolerance,
        test=test if rows else (),
    )


def score_case(case: Case, answer: Volume, task: Task, *, fold: int | None, tolerance: float | None) -> CaseRow:
    """One row: the answer against the case's label. Both lie on the label's grid."""
    assert case.label is not None
    truth = read_label(case.label)
    metrics = evaluate_case(
        np.asarray(truth.voxels[0]),
        np.asarray(answer.voxels[0]),
        regions={region.name: region.values for region in task.regions},
        spacing=truth.grid.spacing,
        unit=truth.grid.unit,
        ignore=task.ignore,
        tolerance=tolerance,
    )
    return CaseRow(case=case.id, patient=case.patient, fold=fold, groups=case.groups, metrics=metrics)
