"""Label maps as a run keeps them: with what their probabilities said, and rows that can be judged again after a change.

Beside a label map CASE.nii.gz lies CASE.evidence.safetensors: sums over the regions, and voxels that were drawn with their
probability. `predict` writes none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.dataset.task import Task
from scanwright.errors import IntegrityError
from scanwright.evaluation.label_maps.evaluate import CaseRow
from scanwright.files import write_bytes
from scanwright.findings.table import size_of_voxel
from scanwright.geometry.volume import Volume
from scanwright.inference.evidence import Evidence, Sample
from scanwright.inference.postprocess import Step, postprocess
from scanwright.io.formats import stem
from scanwright.types import Array

EVIDENCE = ".evidence.safetensors"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Masks(Volume):
    """A label map as an answer. evidence: what the probabilities behind it said, None if nobody asked. file: where it was
    read from, None of one that was just made.
    """

    evidence: Evidence | None = None
    file: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A case and the file with its answer, as the network gave it. yardstick: what it is judged by."""

    case: Case
    file: Path
    yardstick: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRow(CaseRow):
    """A case that was judged, and can be again. steps: what was done to the kept answer before it was judged. expected: the
    Dice that was predicted of its regions, by what the other folds say.
    """

    kept: Kept
    steps: tuple[Step, ...] = ()
    expected: Mapping[str, float] = field(default_factory=dict)


def regions_of(task: Task) -> dict[str, tuple[int, ...]]:
    """The label values of each region."""
    return {region.name: region.values for region in task.regions}


def processed(answer: Volume, steps: tuple[Step, ...], task: Task) -> Volume:
    """The answer after these steps; the same one where they change nothing."""
    if not steps:
        return answer
    labels = answer.voxels[0]
    done = postprocess(labels, steps, regions=regions_of(task), voxel=size_of_voxel(answer.grid)[0])
    return answer if done is labels else replace(answer, voxels=done[None])


def write_evidence(file: Path, evidence: Evidence) -> None:
    """Keep what was drawn and summed beside the file of a label map."""
    from safetensors.numpy import save

    sample = evidence.sample
    arrays: dict[str, Array] = {"sums": evidence.sums, "border": evidence.border, "agreement": evidence.agreement}
    if sample is not None:
        arrays |= {"region": sample.region, "voxel": sample.voxel, "chance": sample.chance, "near": sample.near}
    write_bytes(_beside(file), save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def read_evidence(file: Path) -> Evidence | None:
    """What lies beside the file of a label map; None where nothing does. Raises IntegrityError if it is not whole."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    beside = _beside(file)
    if not beside.exists():
        return None
    try:
        found: Mapping[str, Array] = load(beside.read_bytes())
        drawn = {name: found[name] for name in ("region", "voxel", "chance", "near") if "region" in found}
        return Evidence(
            sums=found["sums"],
            border=found["border"],
            agreement=found["agreement"],
            sample=Sample(**drawn) if drawn else None,
        )
    except (SafetensorError, KeyError) as error:
        hint = f"Remove it and {file.name}, and run the same command again; the case is then answered anew."
        raise IntegrityError("not whole", where=beside, found=str(error)[:160], hint=hint) from error


def _beside(file: Path) -> Path:
    return file.with_name(f"{stem(file)}{EVIDENCE}")
