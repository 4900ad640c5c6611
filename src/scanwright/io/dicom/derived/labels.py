"""Segmentations and structure sets as label maps on the grid of the image that they were drawn on.

    outline = read_outline(path)                              what is drawn there, and on which series
    label = DicomLabel((path,), scan, values=(("Liver", 1), ("Tumour", 2)))
    volume = read_dicom_label(label)

Regions that overlap share a voxel's value by bits: with values 1, 2 and 4 a voxel of the first and the third holds 5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanwright.errors import InputError
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.rtstruct import RT_STRUCTURE_SET, StructureSet, read_structures
from scanwright.io.dicom.derived.rtstruct_masks import place_structure, require_same_frame
from scanwright.io.dicom.derived.seg import Segmentation
from scanwright.io.dicom.derived.seg_grid import segment_mask
from scanwright.io.dicom.derived.seg_read import is_segmentation, read_segmentation
from scanwright.io.dicom.elements import text
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.scan import find_stack
from scanwright.io.dicom.volumes import Stack
from scanwright.io.shared import share_a_voxel
from scanwright.io.source import DicomLabel
from scanwright.types import Bools

HALF = 0.5  # of a fractional segmentation: a voxel belongs to a region from here on


@dataclass(frozen=True, slots=True)
class Outline:
    """What a file draws. names: of its segments or structures, in its order.

    series, instances: UIDs of the series that it refers to, and of the images that it was drawn on; empty where it names
    none. frame: UID of its frame of reference, "" where it names none.
    """

    path: Path
    names: tuple[str, ...]
    series: tuple[str, ...]
    instances: frozenset[str]
    frame: str


def read_outline(path: Path) -> Outline | None:
    """What a segmentation or structure set draws; None if the file is neither. Raises InputError if it cannot be read."""
    instance = open_instance(path)
    if text(instance.header, "SOPClassUID") == RT_STRUCTURE_SET:
        structures = read_structures(path)
        drawn = tuple(one.name for one in structures.structures if one.contours)
        return Outline(path, drawn, tuple(structures.series), _images_of(structures), structures.frame)
    if is_segmentation(instance.dataset):
        segmentation = read_segmentation(path)
        drawn = tuple(one.label for one in segmentation.segments)
        images, frame = _images_of(segmentation), segmentation.frame_of_reference
        return Outline(path, drawn, segmentation.source_series, images, frame)
    return None


def _images_of(drawing: StructureSet | Segmentation) -> frozenset[str]:
    """UIDs of the images that something was drawn on: as contours or frames name them, else as the whole object does."""
    if isinstance(drawing, Segmentation):
        own = {source.instance for frame in drawing.frames for source in frame.sources}
        return frozenset(own or drawing.source_instances)
    own = {contour.instance for one in drawing.structures for contour in one.contours} - {""}
    return frozenset(own or {instance for instances in drawing.series.values() for instance in instances})


def read_dicom_label(label: DicomLabel) -> Volume:
    """The label map, one channel, in the smallest type that holds its values, on the image's grid.

    Raises GeometryError if a file lies on another grid or in another frame of reference, and what reading raises.
    """
    stack = find_stack(label.image)
    values = dict(label.values)
    highest = sum(values.values()) if label.bits else max(values.values(), default=0)
    voxels = np.zeros(stack.grid.shape, np.uint8 if highest < 256 else np.uint16)
    notes: list[str] = []
    for path in label.files:
        for name, mask in _masks(path, stack, set(values), notes, frame=label.image.frame):
            if label.bits:
                voxels[mask] |= values[name]
            else:
                voxels[mask] = values[name]
    return Volume(voxels[None], stack.grid, tuple(notes))


def overlaps(label: DicomLabel) -> bool:
    """Whether two names of a label share a voxel. Errors as `read_dicom_label`."""
    stack, wanted = find_stack(label.image), {name for name, _ in label.values}
    return share_a_voxel(
        drawn for path in label.files for drawn in _masks(path, stack, wanted, [], frame=label.image.frame)
    )


def _masks(path: Path, stack: Stack, wanted: set[str], notes: list[str], *, frame: str) -> Iterator[tuple[str, Bools]]:
    """The mask of every wanted name in a file. frame: UID of the image's frame of reference, "" if it has none.

    Raises GeometryError for what was drawn in another: its place in the image would be a guess. It is none where the image's
    own slices are named: then only UIDs were changed.
    """
    instance, instances = open_instance(path), {one.instance for one in stack.slices}
    if text(instance.header, "SOPClassUID") == RT_STRUCTURE_SET:
        structures = read_structures(path)
        known = None if instances & _images_of(structures) else frame or None
        for one in structures.structures:
            if one.name in wanted and one.contours:
                placed = place_structure(structures, one.number, stack.grid, frame=known)
                notes += [f"{one.name}: {note}" for note in placed.notes]
                yield one.name, placed.mask_IJK
        return
    if not is_segmentation(instance.dataset):
        raise InputError("neither a segmentation nor a structure set", where=path, expected="DICOM SEG or RTSTRUCT")
    segmentation = read_segmentation(path)
    if not instances & _images_of(segmentation):
        require_same_frame(segmentation.frame_of_reference, frame or None, about=str(path))
    notes += segmentation.notes
    for segment in segmentation.segments:
        if segment.label in wanted:
            mask = segment_mask(segmentation, segment.number, stack.grid)
            yield segment.label, np.asarray(mask if mask.dtype == np.bool_ else mask >= HALF, np.bool_)
