"""A package opened: verified, its networks built, and what an answer of theirs needs."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from scanwright.api.case import slices
from scanwright.api.case.packaged import as_packaged, engine_of
from scanwright.dataset.acquired import Acquired
from scanwright.dataset.cases import Case
from scanwright.dataset.facts import ChannelPrint
from scanwright.dataset.familiar import learned_channels
from scanwright.dataset.images import read_image
from scanwright.dataset.measures import images_hash, voxel_hash
from scanwright.dataset.task import Task, parse_task
from scanwright.errors import InputError, IntegrityError, UsageError
from scanwright.explanation.known import Known
from scanwright.explanation.reference import Reference
from scanwright.geometry.grid import Grid
from scanwright.inference.members import groups_of
from scanwright.inference.predict import Engine
from scanwright.inference.volume import expected_bytes, map_bytes, needs_half
from scanwright.io.formats import read_grid
from scanwright.package.learned import Learned, learned_of
from scanwright.package.load import IN_RANGE, KNOWN_CASES, Package, load
from scanwright.plan.memory import LABEL_BYTES, whole_image_bytes
from scanwright.problem.kind import LABELS, Kind
from scanwright.problem.known import KINDS, MakeKind, problem_of
from scanwright.runtime import DeviceName, choose_device, num_threads
from scanwright.transform.preprocess import whole


@dataclass(frozen=True)
class Model:
    """A package that is ready to answer. learned: grey values of each channel it has learned from; empty if not known.

    known: training cases as its first network sees them, None if the package has none. acquired, reference: what an image is
    held against to tell whether the model was made for it (`in_range`); None of a package that says nothing of it.
    """

    package: Package
    task: Task
    engine: Engine
    problem: Kind
    learned: tuple[ChannelPrint, ...] = ()
    known: Known | None = None
    acquired: Acquired | None = None
    reference: Reference | None = None

    @cached_property
    def taught_by(self) -> Learned:
        """The cases that it has learned from, as far as the package says."""
        return learned_of(self.package)

    @property
    def learned_from(self) -> frozenset[str]:
        """Hashes of those that are known; empty if the package does not say."""
        return self.taught_by.cases

    @property
    def knows_its_range(self) -> bool:
        """Whether the package can tell by its looks an image that it was not made for; which cases are near says less then."""
        return self.reference is not None and self.reference.bounds.outside.value is not None

    @property
    def is_flat(self) -> bool:
        """Whether it has learned from images of a single slice each; slices of a volume are then answered singly, if at all.

        A network that was trained on volumes and sees them slice by slice is not: it answers them as in training.
        """
        known = (self.package.reference or {}).get("dimension")
        return bool(known == 2 if known else self.engine.plan.batch.patch[0] == 1)

    @property
    def knows_volumes(self) -> bool:
        """Whether each image that it has learned from had several slices along every axis; False if that is not known."""
        shape = (self.package.reference or {}).get("shape", ())
        return bool(shape) and all(one["min"] > 1 for one in shape)


def open_model(path: str | Path, *, device: DeviceName = "auto", problem: MakeKind | None = None) -> Model:
    """Verify a package and build its networks. problem: makes the problem of a kind that this version does not know.

    Raises IntegrityError if the package is not whole, InputError if there is none, UsageError for a kind that is not known.
    """
    package = load(require_file(Path(path)))
    known = {*KINDS} if problem is None else {getattr(problem, "name", "")}
    if package.problem not in known:
        raise UsageError(
            "a kind of problem that this version does not know",
            where=path,
            expected=", ".join(sorted(known)),
            found=package.problem,
        )
    torch_device = choose_device(device)
    torch.set_num_threads(num_threads())
    task = parse_task(package.task, where=path)
    engine = engine_of(package, task, make_problem=problem, device=torch_device, where=Path(path))
    answered = as_packaged(problem_of(task, problem).planned(engine.plan), package)
    learned = learned_channels(package.reference, channels=len(task.channels), where=path)
    seen = Known.from_bytes(package.read(KNOWN_CASES)) if package.has(KNOWN_CASES) else None
    acquired = Acquired.of_reference(package.reference, where=path)
    return Model(package, task, engine, answered, learned, seen, acquired, reference_of(package))


def reference_of(package: Package) -> Reference | None:
    """What tells whether an image is of the kind that a package was made for; None of one that has none.

    Raises IntegrityError for one that is not of a model of this package.
    """
    if not package.has(IN_RANGE):
        return None
    found = Reference.from_bytes(package.read(IN_RANGE))
    if found.model not in package.models:
        where = package.source.path
        raise IntegrityError("reference cases of another package", where=where, found=found.model)
    return found


def content_of(case: Case, task: Task) -> str:
    """The hash by which a package knows a case that it has learned from; "" for one that cannot be read."""
    try:
        return images_hash([voxel_hash(read_image(image, case, task)) for image in case.images])
    except InputError:
        return ""


def require_file(path: Path, *, what: str = "package", expected: str = "a model.swm") -> Path:
    """The path, if there is a file. Raises InputError otherwise, which says what was expected there."""
    if not path.is_file():
        raise InputError(f"no such {what}", where=path, expected=expected, hint="Check the path.")
    return path


def memory_note(model: Model, cases: Sequence[Case], *, beside: Sequence[Model] = ()) -> str:
    """What the largest of these predictions will need, from the headers alone; "" if none of them can be read.

    beside: further models that answer the same images, one after the other.
    """
    needs = []
    for case in cases:
        with contextlib.suppress(InputError):
            grid = read_grid(case.images[0], as_channels=len(model.task.channels) > 1).grid
            needs.append(max(needed_bytes(one, grid) for one in (model, *beside)))
    if not needs:
        return ""
    what = f"{cases[0].id}:" if len(cases) == 1 else f"{len(cases)} scans, the largest with"
    return f"{what} about {max(needs) / 2**30:.1f} GiB of memory above the input"


def needed_bytes(model: Model, grid: Grid) -> int:
    """Peak memory of answering an image of this grid, above its input: slice by slice, or the whole of it; of the member, or
    members that see the same, that need most.
    """
    plan = model.engine.plan.preprocess
    axis, labels = slices.axis_across(grid, plan), 0
    if model.is_flat and grid.shape[axis] > 1:
        labels = 2 * grid.num_voxels * LABEL_BYTES  # of each slice, and of all of them
        grid = slices.slice_grid(grid, 0, axis=axis)
    groups = groups_of(model.engine)
    if model.problem.holds != LABELS:
        return max(whole_image_bytes(one.plan, whole(grid, one.plan.preprocess).shape) for one in groups)
    placed = [(one, whole(grid, one.plan.preprocess)) for one in groups]
    needs = [expected_bytes(one, place, half=needs_half(one, place)) for one, place in placed]
    return max(needs) + map_bytes(model.engine, grid) + labels
