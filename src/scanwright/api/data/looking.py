"""A data set read through, every voxel of it: its faults, and what it holds as hashes."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Dataset
from scanwright.dataset.checks import Checks, check
from scanwright.dataset.manifest import Manifest, content_of, make_manifest
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Kind
from scanwright.protocols import Listener, Progress, silent
from scanwright.runtime import num_threads


@dataclass(frozen=True, slots=True)
class Looked:
    """A data set that has been read through: every fault, and its version."""

    dataset: Dataset
    checks: Checks
    manifest: Manifest


def look_through(
    data: str | Path,
    *,
    layout: str | None = None,
    task: Kind | None = None,
    exclude: Collection[str] = (),
    tell: Listener = silent,
) -> Looked:
    """Read a data set in whichever layout it is, every voxel of it. Raises what `read_dataset` raises."""
    return look_through_cases(read_dataset(Path(data), layout, kind=task).without(exclude), tell=tell)


def look_through_cases(dataset: Dataset, *, tell: Listener) -> Looked:
    """The same of a data set that is read already, or of some of its cases."""

    def progress(done: int, total: int) -> None:
        tell(Progress("check", done=done, total=total))

    checks = check(dataset, jobs=num_threads(), on_progress=progress, see=content_of)
    return Looked(dataset, checks, make_manifest(dataset, checks))
