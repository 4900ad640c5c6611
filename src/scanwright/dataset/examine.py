"""One case looked at once: every voxel of every file, its facts, and all that is wrong with it.

A plain function of plain values, for worker processes. Nothing is raised for a bad file: it becomes a Fault. What is
raised is a ResourceError (this machine cannot hold the file), because another case would meet it too.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.dataset import measures
from scanwright.dataset.cases import Case, Fault, Severity
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.images import SAME_GRID, fitted, form_of, joined, read_stored
from scanwright.dataset.infer import SOURCE, Border, border_of
from scanwright.dataset.label_faults import fit_fault, judged_fault, stored_upright, value_fault
from scanwright.dataset.layouts.listing import require_target
from scanwright.dataset.task import Task
from scanwright.errors import GeometryError, InputError, UnreadableFile
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_label
from scanwright.io.source import LabelSource, Source, files_of, place_of

See = Callable[[Case, Volume, Volume | None, Task], Any]
"""What else is to be taken from a case while its voxels are at hand: case, image, label, task to a small picklable value.

A function of a module, or a partial of one: worker processes call it. The image holds all channels, finite, on one grid; the
label, if there is one, lies on the same. It must not raise for a strange image, and gives None where it has nothing to say.
"""


@dataclass(kw_only=True)
class Examined:
    """What came of one case: facts if every file could be read and fits, and faults.

    border: of a label with many values, where the regions were inferred from them. seen: what `see` made of it.
    stored: (columns, rows) of the first picture as it is stored, if it was turned upright and the label was not.
    forms: how each picture is stored (`images.form_of`), in the order of the images that could be read.
    """

    case: Case
    facts: CaseFacts | None = None
    border: Border | None = None
    stored: tuple[int, int] | None = None
    seen: Any = None
    forms: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(
        self, code: str, severity: Severity, file: Path | None, *, expected: str = "", found: str, action: str
    ) -> None:
        """Note a fault of this case."""
        self.faults.append(
            Fault(
                code=code,
                severity=severity,
                case=self.case.id,
                file=file,
                expected=expected,
                found=found,
                action=action,
            )
        )

    def note(self, fault: Fault | None) -> bool:
        """Note a fault of this case, if there is one; gives whether there is."""
        self.faults += [] if fault is None else [fault]
        return fault is not None


def examine(case: Case, task: Task, see: See | None = None) -> Examined:
    """Look at one case. It has facts only if every file could be read, and all of them lie on one grid."""
    began = time.perf_counter()
    result = Examined(case=case)
    images = [_read_image(image, result, task) for image in case.images]
    label = _read_label(case.label, result) if case.label is not None else None
    counts = None if label is None else measures.count_values(label.voxels)
    volumes = [image for image in images if image is not None]
    _check_images(images, result)
    if label is not None and counts is not None:
        result.note(value_fault(counts, task, case))
        result.note(judged_fault(counts, task, case))
        if task.source == SOURCE:
            result.border = border_of(label.voxels[0], counts, ignore=task.ignore)
    if len(volumes) < len(images) or (case.label is not None and label is None):
        return result
    result.stored = stored_upright(case)
    whole = _join(volumes, result, task)
    fits = label is None or not result.note(fit_fault(label.grid, volumes[0].grid, case, stored=result.stored))
    if whole is not None and fits and measures.are_finite(whole.voxels):
        found = {} if label is None or counts is None else _label_facts(label, counts, whole, task)
        found["seconds"] = round(time.perf_counter() - began, 4)
        result.facts = _image_facts(case, volumes, whole).model_copy(update=found)
        result.seen = None if see is None else see(case, whole, label, task)
    return result


def _read_image(image: Source, result: Examined, task: Task) -> Volume | None:
    try:
        require_target(place_of(image))
        stored = read_stored(image, result.case, task)
        result.forms.append(form_of(stored))
        return fitted(stored, image, result.case, task)
    except InputError as error:
        _add_unusable(error, place_of(image), result, what="image")
        return None


def _read_label(label: LabelSource, result: Examined) -> Volume | None:
    try:
        require_target(place_of(label))
        return read_label(label)
    except InputError as error:
        of_one = [path for path in files_of(label) if path == error.where]
        _add_unusable(error, of_one[0] if of_one else place_of(label), result, what="label")
        return None


def _add_unusable(error: InputError, path: Path, result: Examined, *, what: str) -> None:
    """An error of reading as a fault: unreadable-image, bad-geometry, unusable-label …"""
    code = f"unreadable-{what}" if isinstance(error, UnreadableFile) else f"unusable-{what}"
    if isinstance(error, GeometryError):
        code = "bad-geometry"
    found = error.message + (f" ({error.found})" if error.found is not None else "")
    expected = "" if error.expected is None else str(error.expected)
    action = error.hint or "Replace the file, or exclude the case."
    result.add(code, "error", path, expected=expected, found=found, action=action)


def _check_images(images: Sequence[Volume | None], result: Examined) -> None:
    """NaN and infinity, images without content, notes of the readers. None stands for what could not be read."""
    constant: list[Path] = []
    for volume, image in zip(images, result.case.images, strict=True):
        path = place_of(image)
        if volume is None:
            continue
        if not measures.are_finite(volume.voxels):
            bad = measures.num_not_finite(volume.voxels)
            found = f"{bad} of {volume.voxels.size} voxels are NaN or infinite"
            result.add("not-finite", "error", path, found=found, action="Correct the image, or exclude the case.")
            continue
        constant += [path for channel in volume.voxels if channel.min() == channel.max()]
        for note in volume.notes:
            result.add("reader-note", "note", path, found=note, action="")
    num_channels = sum(volume.channels for volume in images if volume is not None)
    alone = len(constant) == num_channels
    for path in constant:
        found = "every voxel has the same value" if alone else "every voxel of a channel has the same value"
        action = "Replace the image, or exclude the case."
        result.add("constant-image", "error" if alone else "warning", path, found=found, action=action)


def _join(volumes: Sequence[Volume], result: Examined, task: Task) -> Volume | None:
    """Channels on one grid; a note for each that had to be interpolated, an error where they share no space."""
    paths = [place_of(image) for image in result.case.images]
    try:
        whole = joined(volumes, result.case.images, task)
    except InputError as error:
        place = error.where if isinstance(error.where, Path) else paths[0]
        _add_unusable(error, place, result, what="image")
        return None
    first = volumes[0].grid
    for volume, path in zip(volumes[1:], paths[1:], strict=True):
        if not volume.grid.same_space(first, tolerance=SAME_GRID):
            found = f"{volume.grid!r}; it will be resampled to the first channel"
            result.add("other-grid", "note", path, expected=repr(first), found=found, action="")
    told = {note for volume in volumes for note in volume.notes}
    for note in (note for note in whole.notes if note not in told):  # what joining had to do: a registration
        result.add("reader-note", "note", paths[0], found=note, action="")
    return whole


def _image_facts(case: Case, volumes: Sequence[Volume], whole: Volume) -> CaseFacts:
    grid = whole.grid
    body = measures.box_of((whole.voxels != 0).any(axis=0))
    return CaseFacts(
        id=case.id,
        patient=case.patient,
        shape=grid.shape,
        spacing=grid.spacing,
        orientation=grid.orientation,
        unit=grid.unit,
        dtype=volumes[0].voxels.dtype.name,
        image_hashes=tuple(measures.voxel_hash(volume) for volume in volumes),
        grid_hash=measures.grid_hash(*(volume.grid for volume in volumes)),
        channels=tuple(measures.intensity_of(channel) for channel in whole.voxels),
        body_start=body[0],
        body_shape=body[1],
        body_fraction=float(np.prod(body[1], dtype=float) / grid.num_voxels),
    )


def _label_facts(label: Volume, counts: dict[int, int], whole: Volume, task: Task) -> dict[str, object]:
    values = label.voxels[0]
    mask = measures.foreground_of(values, task)
    box = measures.box_of(mask)
    return {
        "label_hash": measures.voxel_hash(label),
        "label_counts": counts,
        "foreground_start": box[0],
        "foreground_shape": box[1],
        "region_voxels": measures.region_voxels(counts, task),
        "region_components": measures.region_components(values, box, task),
        "region_centers": measures.region_centers(values, task),
        "foreground_sample": measures.sample_of(whole.voxels, mask, channels=whole.channels),
    }
