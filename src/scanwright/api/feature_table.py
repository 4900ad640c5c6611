"""The verb `features`: numbers that stand for each image of a data set, as a table for other software, or for a look.

radiomic   shape, intensities, texture and colour of each region of a label map (IBSI; MIRP)
fixed      outlines and textures of the whole image by an untrained transform
deep       what the network of a package makes of the image before it answers

Before the features stand what is known of each case: patient, side, groups and target (`features.case_columns`). What was
made of a case is kept until the table is written, so that the same command goes on where it stopped.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from scanwright.api.case.answering import require_finite, require_scale
from scanwright.api.case.opened import Model, open_model
from scanwright.api.case.scans import asked_of
from scanwright.api.claims import require_outside
from scanwright.api.run.folder import LOCK
from scanwright.api.run.lock import alone
from scanwright.api.run.study import without
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.declare import read_declaration
from scanwright.dataset.images import read_case_image
from scanwright.dataset.layouts.column_targets import OF_TABLES
from scanwright.dataset.layouts.table import NAME as TABLE
from scanwright.dataset.read import read_dataset, read_listed
from scanwright.dataset.store import Store
from scanwright.dataset.task import Kind, Task
from scanwright.errors import InputError, UsageError
from scanwright.features.case_columns import case_columns, columns_told
from scanwright.features.deep import deep_names, image_features
from scanwright.features.fixed import fixed_features, fixed_settings
from scanwright.features.radiomic import radiomic_features, radiomic_settings
from scanwright.features.radiomic_defaults import default_settings
from scanwright.features.table import Cell, FeatureTable, require_pyarrow, write_csv, write_parquet
from scanwright.files import require_writable
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_grid, read_label
from scanwright.io.source import files_of, place_of
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.radiomic_plan import RadiomicSettings
from scanwright.protocols import Listener, Progress, silent
from scanwright.runtime import DeviceName, num_threads
from scanwright.transform.preprocess import to_network
from scanwright.types import JSON
from scanwright.workers import spread

FeatureKind = Literal["radiomic", "fixed", "deep"]
Row = Mapping[str, float | None]
COLOURS = ("red", "green", "blue")
STORE = "features.store"
"""What was made of each case, until the table is written; a run in the same folder has a store of its own."""
FEW_CASES = 8
"""Below this, starting worker processes takes longer than they save."""


@dataclass(frozen=True, slots=True)
class Described:
    """The table of features, where it lies, and the cases in which nothing could be described."""

    table: FeatureTable
    files: tuple[Path, ...]
    empty: tuple[str, ...]

    def lines(self) -> list[str]:
        """What was made, for people."""
        kind = self.table.settings["features"]
        said = [f"{len(self.table.cases)} cases, {len(self.table.names)} {kind} features"]
        if self.table.known:
            said.append(f"before them {', '.join(self.table.known)}")
        if self.empty:
            more = f" and {len(self.empty) - 5} more" if len(self.empty) > 5 else ""
            said.append(f"nothing to describe in {', '.join(self.empty[:5])}{more}: their cells are empty")
        return [*said, *(str(file) for file in self.files)]

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "cases": len(self.table.cases),
            "features": len(self.table.names),
            "columns": list(self.table.known),
            "settings": self.table.settings,
            "files": [str(file) for file in self.files],
            "empty": list(self.empty),
        }


def features(
    data: str | Path,
    *,
    out: str | Path,
    kind: FeatureKind | None = None,
    model: str | Path | None = None,
    settings: RadiomicSettings | None = None,
    layout: str | None = None,
    exclude: Sequence[str] = (),
    device: DeviceName = "auto",
    tell: Listener = silent,
) -> Described:
    """Write a table of features, a row a case: OUT/features.csv with its settings beside it, and OUT/features.parquet.

    kind: without one, deep if there is a model, radiomic where images have label maps, else fixed.
    model: a package, for deep features: those of its first fold, whose numbers mean nothing beside another fold's. A folder
    of scans that is no data set will do then.
    settings: of radiomic features; without them those of `features.radiomic_defaults`.
    Regions of a label map are described one by one. A case without any of a region has empty cells there.
    Raises UsageError for what does not go together, InputError for data that cannot be read.
    """
    folder = Path(out)
    kind = kind or ("deep" if model is not None else None)
    if (kind == "deep") is not (model is not None):
        raise UsageError("deep features are those of a package", expected="--kind deep with --from PACKAGE", found=kind)
    require_outside(folder, Path(data))
    opened = None if model is None else open_model(model, device=device)
    if opened is not None and isinstance(opened.engine.plan.network, ClassicalPlan):
        raise UsageError("this package has no network", where=model, found=opened.engine.plan.network.title)
    cases, task, dataset = found_cases(Path(data), opened, kind, layout=layout, exclude=exclude)
    kind = kind or ("radiomic" if task.kind == "segmentation" else "fixed")
    if kind != "radiomic" and settings is not None:
        raise UsageError("settings of radiomic features", where=f"--kind {kind}", hint="Leave them out.")
    require_pyarrow()
    require_writable(folder)
    store = Store(folder / STORE)
    if opened is not None:
        stated: JSON = {"features": "deep", "package": opened.package.digest, "model": opened.package.models[0]}
        work = partial(deep_row, model=opened)
    elif kind == "radiomic":
        require_masks(cases, data=Path(data))
        chosen = settings or default_settings([grid_of(case, task) for case in cases], task.channels[0].modality)
        stated = radiomic_settings(chosen)
        work = partial(radiomic_row, task=task, settings=chosen)
    else:
        stated, work = fixed_settings(), partial(fixed_row, task=task)
    about = {"settings": stated, "task": task.model_dump(mode="json")}
    with alone(folder / LOCK):
        rows = {case.id: row for case, row in made(cases, work, store, about, in_one=opened is not None, tell=tell)}
        known, told = ({}, {}) if dataset is None else known_of(told_targets(dataset, Path(data), layout=layout))
        table = FeatureTable.of_rows(rows, {**stated, **({"columns": told} if told else {})}, known=known)
        files = (folder / "features.csv", folder / "features.parquet")
        write_csv(files[0], table)
        write_parquet(files[1], table)
        shutil.rmtree(store.root)
    return Described(table, files, tuple(name for name, row in rows.items() if not row))


def settings_of(given: Mapping[str, Any]) -> RadiomicSettings | None:
    """Radiomic settings as options give them, "range" as text; None if nothing is given. Raises UsageError for bad ones."""
    if not given:
        return None
    values, found = dict(given), ", ".join(f"{name} {value}" for name, value in given.items())
    try:
        if "range" in values:
            values["intensity_range"] = tuple(float(part) for part in str(values.pop("range")).split(","))
        return RadiomicSettings.model_validate(values)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UsageError("radiomic settings that do not go together", found=found, expected=reason) from error
    except ValueError as error:
        raise UsageError("not a range of grey values", found=found, expected="two numbers: --range=-200,300") from error


def found_cases(
    data: Path, model: Model | None, kind: FeatureKind | None, *, layout: str | None, exclude: Sequence[str]
) -> tuple[Sequence[Case], Task, Dataset | None]:
    """The cases to be described and the task that they are read for; and the data set, None where they are mere scans.

    A table that lists images will do whatever it says of them. Raises InputError if there are none, or radiomic features are
    asked for and there is no label map.
    """
    wanted: Kind | None = "segmentation" if kind == "radiomic" else None
    try:
        dataset = without(read_dataset(data, layout, kind=wanted), exclude)
    except InputError as error:
        if wanted is not None and (other := read_as(data, None, layout=layout)) and other.task.kind != wanted:
            raise no_masks(data, found=f"no label map: {other.stated}") from error
        if wanted is None and layout in (None, TABLE) and (listed := read_as_listed(data)) is not None:
            dataset = without(listed, exclude)
            return dataset.cases, dataset.task if model is None else model.task, dataset
        if model is None or exclude:
            raise
        return asked_of([data], model.task).cases, model.task, None
    return dataset.cases, dataset.task if model is None else model.task, dataset


def read_as(data: Path, kind: Kind | None, *, layout: str | None) -> Dataset | None:
    """A data set read for what is wanted of it, None where it does not hold that."""
    try:
        return read_dataset(data, layout, kind=kind)
    except (InputError, UsageError):
        return None


def read_as_listed(data: Path) -> Dataset | None:
    """The images of a table that says nothing of a usual name about them; None where there is no such table."""
    try:
        return read_listed(data)
    except InputError:
        return None


def told_targets(dataset: Dataset, data: Path, *, layout: str | None) -> Dataset:
    """A data set of label maps with the classes, or declared quantities, that a table tells of the same images, if one does."""
    declared = read_declaration(data if data.is_dir() else data.parent)
    kinds: Sequence[Kind] = OF_TABLES if declared.target else ("classification",)  # no number that merely stands there
    for kind in kinds if dataset.task.kind == "segmentation" else ():
        found = read_as(data, kind, layout=layout)
        others = {} if found is None else {case.id: case for case in found.cases}
        if found is not None and all(case.id in others for case in dataset.cases):
            told = [(case, others[case.id]) for case in dataset.cases]
            cases = tuple(
                case.model_copy(update={"target": other.target, "groups": other.groups}) for case, other in told
            )
            return dataset.model_copy(update={"cases": cases, "task": found.task})
    return dataset


def known_of(dataset: Dataset) -> tuple[dict[str, tuple[Cell, ...]], JSON]:
    """The columns that stand before the features, and what each of them holds, in words."""
    task = dataset.task if dataset.task.kind in OF_TABLES else None
    columns = case_columns(dataset.cases, task, tells_patients=dataset.tells_patients)
    return columns, columns_told(columns, task)


def require_masks(cases: Sequence[Case], *, data: Path) -> None:
    """Raise InputError if a case has no label map to say which voxels are described."""
    bare = [case.id for case in cases if case.label is None]
    if bare:
        found = f"{len(bare)} without, the first {bare[0]}"
        raise no_masks(data, found=found, hint="Leave them out with --exclude, or choose --kind fixed.")


def no_masks(data: Path, *, found: str, hint: str = "") -> InputError:
    """The error for radiomic features of what has no label maps."""
    return InputError(
        "radiomic features describe what a label map marks",
        where=data,
        expected="a label map for each case, such as masks/p01.png beside images/p01.png",
        found=found,
        hint=hint or "Add label maps, or choose --kind fixed, which describes whole images.",
    )


def grid_of(case: Case, task: Task) -> Grid:
    """The grid of a case's first image, from its header."""
    return read_grid(case.images[0], as_channels=len(task.channels) > 1).grid


def made(
    cases: Sequence[Case], work: Callable[[Case], Row], store: Store, about: JSON, *, in_one: bool, tell: Listener
) -> Iterator[tuple[Case, Row]]:
    """The features of each case, in order, taken from the store where they are there.

    about: what decides them beside the case's files. in_one: not in worker processes.
    """
    keys = [Store.key({**about, "case": case.id, "files": marks_of(case)}) for case in cases]
    missing = {key for key in keys if not store.has(key)}
    jobs = [case for case, key in zip(cases, keys, strict=True) if key in missing]
    rows = spread(work, jobs, workers=1 if in_one else num_threads(), few=FEW_CASES)
    for done, (case, key) in enumerate(zip(cases, keys, strict=True)):
        if key in missing:
            row = next(rows)
            values = np.array([np.nan if value is None else value for value in row.values()], dtype=np.float64)
            store.put(key, {"values": values}, {"names": list(row)})
        entry = store.open(key)
        yield case, dict(zip(entry.info["names"], np.asarray(entry.arrays["values"]).tolist(), strict=True))
        tell(Progress("features", done=done + 1, total=len(cases)))


def marks_of(case: Case) -> list[list[str | int]]:
    """What tells whether the files of a case are still those that were described: names, sizes, times."""
    sources = [*case.images, *([] if case.label is None else [case.label])]
    return [
        [str(path), found.st_size, found.st_mtime_ns]
        for source in sources
        for path in sorted(files_of(source))
        for found in [path.stat()]
    ]


def radiomic_row(case: Case, *, task: Task, settings: RadiomicSettings) -> Row:
    """Radiomic features of each region that the case has; with several regions, under the region's name."""
    assert case.label is not None
    image, label = read_case_image(case, task), read_label(case.label)
    channels = [channel.name.lower() for channel in task.channels]
    found: dict[str, float | None] = {}
    for region in task.regions:
        mask = Volume(np.isin(label.voxels, region.values).astype(np.uint8), label.grid)
        row = radiomic_features(image, mask, settings, channels=channels, rgb=tuple(channels) == COLOURS)
        prefix = f"{region.name}_" if len(task.regions) > 1 else ""
        found |= {f"{prefix}{name}": value for name, value in row.items()}
    return found


def fixed_row(case: Case, *, task: Task) -> Row:
    """The fixed transform of the whole image."""
    return fixed_features(read_case_image(case, task), [channel.name.lower() for channel in task.channels])


def deep_row(case: Case, *, model: Model) -> Row:
    """What the package's first network makes of the whole image."""
    plan, where = model.engine.plan, place_of(case.images[0])
    image = read_case_image(case, model.task)
    require_scale(image, model, where=where)
    require_finite(image, where=where)
    prepared, _ = to_network(image, plan.preprocess)
    values = image_features(model.engine.networks[0], prepared, plan, device=model.engine.device.type)
    return dict(zip(deep_names("deep", len(values)), values.tolist(), strict=True))
