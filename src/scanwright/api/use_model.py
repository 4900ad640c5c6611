"""The verbs `predict`, `evaluate` and `verify`: what is done with a package once it is there."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from scanwright.api import answer
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.images import read_case_image
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Task, parse_task
from scanwright.errors import InputError, UsageError
from scanwright.evaluation.evaluate import CaseRow, rows_to_csv
from scanwright.evaluation.measures import default_tolerance
from scanwright.files import require_writable, write_bytes, write_json
from scanwright.inference.predict import Engine
from scanwright.io.formats import is_image, read_grid, read_label, stem, suffix_of, write_label
from scanwright.package.load import Package, load
from scanwright.plan.plan import plan_from_json
from scanwright.problem.segmentation import Segmentation
from scanwright.protocols import Listener, Progress, silent
from scanwright.runtime import DeviceName, choose_device, num_threads
from scanwright.transform.preprocess import whole

OutputFormat = Literal["auto", "nifti", "png"]
SUFFIX = {"nifti": ".nii.gz", "png": ".png"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered scan: its files, where the labels lie, what they hold, and how long it took."""

    case: str
    images: tuple[Path, ...]
    labels: Path
    volumes: dict[str, float]
    unit: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Model:
    """A package that is ready to answer."""

    package: Package
    task: Task
    engine: Engine


def open_model(path: str | Path, *, device: DeviceName = "auto") -> Model:
    """Verify a package and build its networks. Raises IntegrityError if it is not whole, InputError if there is none."""
    package = load(require_file(Path(path)))
    if package.problem != Segmentation.name:
        raise UsageError(
            "a kind of problem that this version does not know",
            where=path,
            expected="segmentation",
            found=package.problem,
        )
    torch_device = choose_device(device)
    torch.set_num_threads(num_threads())
    plan = plan_from_json(package.plan, where=path)
    task = parse_task(package.task, where=path)
    networks = [answer.network_with(package.weights(name), plan, torch_device) for name in package.models]
    return Model(package, task, Engine(networks, plan, Segmentation(task), torch_device))


def require_file(path: Path) -> Path:
    """The path, if there is a file. Raises InputError otherwise."""
    if not path.is_file():
        raise InputError("no such package", where=path, expected="a model.swm", hint="Check the path of the model.")
    return path


def predict(
    model: str | Path,
    scans: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    format: OutputFormat = "auto",
    device: DeviceName = "auto",
    tell: Listener = silent,
) -> list[Prediction]:
    """Answer scans with a package; labels are written on each scan's own grid.

    scans: files, or folders whose images are all answered. A model with several channels takes the files of one case
    together, named as nnU-Net does (case_0000, case_0001, …) or given in the task's order.
    out: a folder. format: "auto" writes PNG for pictures and NIfTI for volumes.
    Raises IntegrityError, InputError or ResourceError (see `scanwright.errors`); a scan that fails stops the rest.
    """
    folder = Path(out)
    paths = [Path(scan) for scan in ([scans] if isinstance(scans, (str, Path)) else scans)]
    opened = open_model(model, device=device)
    cases = list(cases_of(paths, opened.task))
    require_writable(folder)
    return [predict_case(opened, case, folder, format=format, tell=tell) for case in cases]


def predict_case(model: Model, case: Case, folder: Path, *, format: OutputFormat, tell: Listener) -> Prediction:
    """Answer one case and write its labels."""
    began = time.perf_counter()
    image = read_case_image(case, model.task)
    tell(Progress("predict", note=memory_note(model, case)))
    labels = answer.predict_volume(model.engine, image, tell=tell)
    file = folder / f"{case.id}{output_suffix(case, format)}"
    write_label(file, labels)
    cubed = image.grid.voxel_volume / 1000 if image.grid.unit == "mm" else 1.0
    counts = {
        region.name: sum(int((labels.voxels == value).sum()) for value in region.values)
        for region in model.task.regions
    }
    return Prediction(
        case=case.id,
        images=case.images,
        labels=file,
        volumes={name: count * cubed for name, count in counts.items()},
        unit="ml" if image.grid.unit == "mm" else "px",
        seconds=time.perf_counter() - began,
    )


def memory_note(model: Model, case: Case) -> str:
    """What a prediction will need, from the header alone."""
    grid = read_grid(case.images[0], as_channels=len(model.task.channels) > 1).grid
    placement = whole(grid, model.engine.plan.preprocess)
    need = answer.expected_bytes(model.engine, placement, half=answer.needs_half(model.engine, placement))
    return f"{case.id}: about {need / 2**30:.1f} GiB of memory above the input"


def output_suffix(case: Case, format: OutputFormat) -> str:
    """The suffix of an answer."""
    if format != "auto":
        return SUFFIX[format]
    return SUFFIX["png"] if suffix_of(case.images[0]) in answer.PICTURES else SUFFIX["nifti"]


def cases_of(paths: Sequence[Path], task: Task) -> Iterator[Case]:
    """Files and folders as cases. Raises InputError for what is missing, empty, or not an image that is read."""
    for path in paths:
        if not path.exists():
            raise InputError("no such file or folder", where=path, hint="Check the path of the scan.")
        if path.is_dir():
            yield from cases_in(sorted(file for file in path.iterdir() if is_image(file)), task, where=path)
        elif len(task.channels) == 1:
            yield Case(id=stem(path), images=(path,), patient=stem(path))
    files = [path for path in paths if path.is_file()]
    if len(task.channels) > 1 and files:
        yield from cases_in(files, task, where=files[0])


def cases_in(files: Sequence[Path], task: Task, *, where: Path) -> Iterator[Case]:
    """Files as cases: each alone, or grouped by name where the task has several channels."""
    if not files:
        raise InputError("no image in this folder", where=where, expected="images such as .nii.gz, .nrrd or .png")
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(case_name(file, several=len(task.channels) > 1), []).append(file)
    for name, members in groups.items():
        if len(members) not in (1, len(task.channels)):
            raise InputError(
                "not a file for each channel",
                where=name,
                expected=", ".join(channel.name for channel in task.channels),
                found=", ".join(file.name for file in members),
            )
        yield Case(id=name, images=tuple(members), patient=name)


def case_name(file: Path, *, several: bool) -> str:
    """The case's name: without the channel number where there are several, or where nnU-Net's _0000 stands there."""
    name = stem(file)
    head, mark, number = name.rpartition("_")
    is_channel = bool(mark) and len(number) == 4 and number.isdigit()
    return head if is_channel and (several or number == "0000") else name


def evaluate(
    predictions: str | Path,
    data: str | Path,
    *,
    out: str | Path,
    layout: str | None = None,
    device: DeviceName = "auto",
    tell: Listener = silent,
) -> dict[str, Any]:
    """Score a folder of predicted labels, or a package, against the labels of a data set. Gives what metrics.json holds.

    predictions: a folder with a label file for each case, named as the case; or a model.swm, which then predicts first.
    data: a data set in any layout; its declared test cases if it has any, else all its labelled cases.
    Writes metrics.json and cases.csv to `out`. Raises InputError for a missing prediction or another grid.
    """
    folder, source = Path(out), Path(predictions)
    dataset = read_dataset(Path(data), layout)
    cases = list(dataset.test or dataset.train)
    if not cases:
        raise InputError("no labelled case to score against", where=data)
    require_writable(folder)
    if source.is_file():
        source = predict_all(source, cases, folder / "predictions", device=device, tell=tell)
    rows = score_folder(source, dataset, cases, tell=tell)
    task = dataset.task
    summary = answer.summarise_rows(rows, [], Segmentation(task), task, seed=0, tolerance=tolerance_of(cases))
    write_json(folder / "metrics.json", summary)
    write_bytes(folder / "cases.csv", rows_to_csv(rows, regions=[region.name for region in task.regions]).encode())
    return summary


def predict_all(model: Path, cases: Sequence[Case], folder: Path, *, device: DeviceName, tell: Listener) -> Path:
    """Answer every case of a data set with a package."""
    opened = open_model(model, device=device)
    for done, case in enumerate(cases):
        predict_case(opened, case, folder, format="auto", tell=silent)
        tell(Progress("predict", done=done + 1, total=len(cases)))
    return folder


def score_folder(folder: Path, dataset: Dataset, cases: Sequence[Case], *, tell: Listener) -> list[CaseRow]:
    """A row for each case. All missing predictions are named in one error."""
    files = {stem(path): path for path in sorted(folder.iterdir()) if is_image(path)} if folder.is_dir() else {}
    missing = [case.id for case in cases if case.id not in files]
    if missing:
        raise InputError(
            "predictions are missing",
            where=folder,
            expected=f"{len(cases)} label files named as the cases",
            found=f"none for {', '.join(missing[:5])}" + (f" and {len(missing) - 5} more" if len(missing) > 5 else ""),
        )
    rows, tolerance = [], tolerance_of(cases)
    for done, case in enumerate(cases):
        label = read_label(files[case.id])
        rows.append(answer.score_case(case, label, dataset.task, fold=None, tolerance=tolerance))
        tell(Progress("evaluate", done=done + 1, total=len(cases)))
    return rows


def tolerance_of(cases: Sequence[Case]) -> float:
    """The tolerance of surface Dice for these cases, from the headers of their labels."""
    headers = [read_grid(case.label).grid for case in cases if case.label is not None]
    return default_tolerance([grid.spacing for grid in headers], shapes=[grid.shape for grid in headers])


def verify(model: str | Path) -> dict[str, Any]:
    """Check a package byte by byte without running anything of it. Raises IntegrityError with what is wrong."""
    from scanwright.package.verify import verify as verify_package

    verified = verify_package(require_file(Path(model)))
    return {"package": str(model), "digest": verified.digest, "problem": verified.manifest.problem, "ok": True}
