"""What a data set holds, as hashes: a version that can be kept, compared and quoted, without the data.

A hash is of what was read, not of how it was stored: voxels of each channel, a mask for each region by its name. So a data set
in another layout, format or numbering of labels is the same version, and one changed voxel is another. Patients are hashed too;
a hash of a short number can be guessed back, so that a manifest is no anonymous document.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from scanwright.dataset.cases import Case, Dataset, Side, Target
from scanwright.dataset.checks import Checks
from scanwright.dataset.task import Frozen, Task, as_input_error
from scanwright.errors import InputError
from scanwright.files import canonical_json, read_json, sha256_bytes, write_bytes
from scanwright.geometry.volume import Volume
from scanwright.types import Array, Shape3

DECIMALS = 4
"""Of a grid's affine, in mm: a file in float32 keeps no more of a place 300 mm away."""


class Mask(Frozen):
    """One region of a label: how many voxels, and the SHA-256 of its shape and bits, I fastest."""

    voxels: int
    sha256: str


class Content(Frozen):
    """What the files of one case hold. Made where its voxels are at hand.

    channels: SHA-256 of each channel's number type, shape and voxels. affine: the first three rows, row after row, rounded to
    DECIMALS. label: the regions that are there, by name; None without a label.
    """

    channels: tuple[str, ...]
    shape: Shape3
    affine: tuple[float, ...]
    label: dict[str, Mask] | None = None


class Entry(Frozen):
    """One case of a version. content: None if its files could not be read; `unread` then says why, as a fault's code.

    patient: SHA-256 of the patient's name, "" where the case is taken for a patient of its own.
    """

    content: Content | None
    unread: str = ""
    target: Target | None = None
    patient: str = ""
    split: Side = "train"
    groups: dict[str, str] = Field(default_factory=dict)


class Manifest(Frozen):
    """A version of a data set. digest: SHA-256 of the cases and of what is asked; layout and name have no part in it."""

    format: Literal["scanwright data version 1"] = "scanwright data version 1"
    name: str
    layout: str
    task: Task
    cases: dict[str, Entry]
    digest: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data, as it is written."""
        data: dict[str, Any] = self.model_dump(mode="json")
        return data


def content_of(case: Case, image: Volume, label: Volume | None, task: Task) -> Content:
    """The content of one case; a `See` for `checks.check`. About as long as reading an uncompressed file."""
    rows = np.round(image.grid.affine[:3], DECIMALS) + 0.0  # no -0.0
    return Content(
        channels=tuple(channel_hash(channel) for channel in image.voxels),
        shape=image.grid.shape,
        affine=tuple(float(value) for value in rows.ravel()),
        label=None if label is None else masks_of(label.voxels[0], task),
    )


def channel_hash(voxels_IJK: Array) -> str:
    """SHA-256 of one channel: number type, shape, voxels with I fastest."""
    digest = hashlib.sha256(f"{voxels_IJK.dtype.str} {voxels_IJK.shape}".encode())
    digest.update(np.ascontiguousarray(voxels_IJK.T).data)
    return digest.hexdigest()


def masks_of(label_IJK: Array, task: Task) -> dict[str, Mask]:
    """The regions that a label has, and voxels to be ignored as the region "ignore"; each as a hash of its mask."""
    named = {region.name: region.values for region in task.regions}
    named |= {} if task.ignore is None else {"ignore": (task.ignore,)}
    masks = {}
    for name, values in named.items():
        mask = np.isin(label_IJK.T, values)
        if voxels := int(np.count_nonzero(mask)):
            bits = np.packbits(mask.ravel())
            masks[name] = Mask(voxels=voxels, sha256=sha256_bytes(f"{label_IJK.shape}".encode() + bits.tobytes()))
    return masks


def make_manifest(dataset: Dataset, checks: Checks) -> Manifest:
    """The version of a data set whose checks have seen `content_of`. The order of the cases has no part in it."""
    unread = {fault.case: fault.code for fault in reversed(checks.faults) if fault.severity == "error"}
    cases = {
        case.id: Entry(
            content=checks.seen.get(case.id),
            unread="" if case.id in checks.seen else unread.get(case.id, "unreadable"),
            target=case.target,
            patient="" if case.patient == case.id else sha256_bytes(case.patient.encode()),
            split=case.split,
            groups=case.groups,
        )
        for case in sorted(dataset.cases, key=lambda case: case.id)
    }
    made = Manifest(name=dataset.task.name, layout=dataset.layout, task=dataset.task, cases=cases)
    return made.model_copy(update={"digest": digest_of(made)})


def digest_of(manifest: Manifest) -> str:
    """SHA-256 of a manifest's cases and of what is asked of them, in canonical JSON."""
    data, task = manifest.to_json(), manifest.task
    asked: Mapping[str, Any] = {
        "kind": task.kind,
        "channels": [channel.name for channel in task.channels],
        "answers": [sorted(region.name for region in task.regions), list(task.classes), list(task.quantities)],
    }
    return sha256_bytes(canonical_json({"cases": data["cases"], "task": asked}))


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a version as canonical JSON, in one atomic step: the same version gives the same bytes."""
    write_bytes(path, canonical_json(manifest.to_json()) + b"\n")


def read_manifest(path: Path) -> Manifest:
    """Read a version. Raises InputError if the file is none, or its digest is not that of its cases."""
    try:
        found = Manifest.model_validate(read_json(path))
    except ValidationError as error:
        raise as_input_error(error, message="not a version of a data set", where=path) from error
    if found.digest != digest_of(found):
        hint = "Write it anew with scanwright data version."
        raise InputError(
            "a version whose cases are not those it was written with",
            where=path,
            expected=f"digest {digest_of(found)[:16]}…",
            found=f"{found.digest[:16]}…",
            hint=hint,
        )
    return found
