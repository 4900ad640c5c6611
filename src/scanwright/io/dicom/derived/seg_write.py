"""DICOM SEG out, by highdicom: binary by default, a label map where asked for.

Written by these rules:

    geometry    the source's own numbers, copied; masks are refused unless their grid is the source's, to the
                evenness that is asked of a series
    frames      the k-th slice of masks[:, :, k].T; empty ones are left out
    nothing     a region without a voxel keeps its segment, without frames. Where no region has one, the object has one
                empty frame a segment, at the middle slice: the standard asks for a frame, and "looked for, and not there"
                is a result
    names       a segment carries the region's name, its codes (`codes`), and tracking identifiers that reports repeat
    origin      model name, version and package hash stand in the equipment and in each segment's algorithm

Source: DICOM PS3.3 A.51 and C.8.20.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from scanwright.errors import GeometryError, InputError, UsageError
from scanwright.files import sha256_bytes
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.codes import RegionCodes, codes_of, label_of
from scanwright.io.dicom.derived.provenance import (
    CHARACTER_SET,
    MANUFACTURER,
    RESEARCH,
    Model,
    allowed_by_sources,
    as_item,
    derived_uid,
    equipment,
    private_scheme,
    require_highdicom,
    require_sources,
    save,
    series_number_of,
    study_of,
)
from scanwright.io.dicom.derived.seg import Segmentation
from scanwright.io.dicom.derived.seg_read import read_segmentation
from scanwright.io.dicom.derived.seg_source import Planes, header_for, match_planes, positions
from scanwright.io.dicom.elements import value
from scanwright.types import Array, Bools, Ints

WrittenKind = Literal["binary", "labelmap"]
Colour = tuple[int, int, int]
SAME_MM, SAME_SHARE = 0.03, 0.015  # a plane may lie so far from its slice: as even as `stack` accepts series
MAX_SEGMENTS = 65535


@dataclass(frozen=True, slots=True, eq=False)
class Numbered:
    """Regions of which no two overlap, as one map: voxels (I, J, K) of the n-th name hold n, counted from 1; uint8 or uint16.

    Hundreds of small parts are one array, where a mask each would fill the memory.
    """

    names: tuple[str, ...]
    values: Ints


def write_segmentation(
    path: Path,
    masks: Mapping[str, Bools] | Numbered,
    *,
    grid: Grid,
    sources: Sequence[Dataset],
    model: Model,
    kind: WrittenKind = "binary",
    within: str = "",
    codes: Sequence[RegionCodes] = (),
    colours: Mapping[str, Colour] | None = None,
    series_number: int = 901,
    description: str = "Segmentation",
    made: datetime | None = None,
) -> Segmentation:
    """Write masks (I, J, K) by region name as one DICOM segmentation, in one atomic step; read it back and return that.

    sources: headers of the source images in the order of k; of a multi-frame image the one header. within: the structure
    that the study is about, for names that leave it open (`codes.codes_of`). codes: one for each region; by default
    what the names say. colours: RGB by region name, 0 to 255. made: the moment that the object states; now by default.
    Segments are numbered from 1 in the order of `masks`.
    Raises UsageError (highdicom absent; overlapping regions as a label map), GeometryError (another grid than the
    source's), InputError (no region, source images that do not belong together), ResourceError (the place to write).
    """
    require_highdicom()
    require_sources(sources)
    _require_masks(masks, grid)
    planes = match_planes(sources, grid)
    drawn = _numbered(masks, planes) if isinstance(masks, Numbered) else _drawn(masks, planes)
    coded = codes or [codes_of(name, within=within) for name in drawn.names]
    if kind == "labelmap" and drawn.overlap:
        raise UsageError(
            "a label map cannot hold regions that overlap",
            found=" and ".join(drawn.overlap),
            hint="Write them as a binary segmentation.",
        )
    about = [
        study_of(sources[0]).SOPInstanceUID,
        list(drawn.names),
        kind,
        model.name,
        model.version,
        model.hash,
        drawn.digest,
    ]
    with allowed_by_sources("a segmentation"):
        dataset = _made(drawn, sources, model, kind, about, series_number=series_number, description=description)
        _complete(dataset, sources[0], about)
        _describe(dataset, drawn.names, codes=coded, colours=colours or {})
    save(dataset, path, made)
    return read_segmentation(path)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Masks as highdicom takes them: a label map (planes, rows, columns), or with segments last where regions overlap.

    chosen: the k of each plane; one alone where nothing is drawn. overlap: names of two regions that overlap, or empty.
    """

    pixels: Array
    chosen: tuple[int, ...]
    planes: Planes
    overlap: tuple[str, ...]
    digest: str
    names: tuple[str, ...]


def _require_masks(masks: Mapping[str, Bools] | Numbered, grid: Grid) -> None:
    names = masks.names if isinstance(masks, Numbered) else tuple(masks)
    if not names:
        raise InputError("a segmentation without regions", expected="at least one", found="none")
    if len(names) > MAX_SEGMENTS:
        raise InputError("too many regions for one segmentation", expected=f"at most {MAX_SEGMENTS}", found=len(names))
    if isinstance(masks, Numbered):
        _require_fills(grid, masks.values, "unsigned", where="the map of all regions")
        return
    for name, mask in masks.items():
        _require_fills(grid, mask, "bool", where=name)


def _require_fills(grid: Grid, array: Array, kind: str, *, where: str) -> None:
    if array.shape != grid.shape or array.dtype.kind != kind[0]:
        raise GeometryError(
            "a mask does not fill its grid",
            where=where,
            expected=f"{kind} {grid.shape}",
            found=f"{array.dtype} {array.shape}",
        )


def _numbered(regions: Numbered, planes: Planes) -> _Drawn:
    """A map of parts that do not overlap, as highdicom takes it."""
    drawn = np.flatnonzero(regions.values.any(axis=(0, 1)))
    chosen = tuple(range(planes.count)) if drawn.size else (planes.count // 2,)
    pixels = np.stack([regions.values[:, :, k].T for k in chosen])
    return _Drawn(
        pixels, chosen, planes, (), sha256_bytes(np.ascontiguousarray(regions.values).tobytes()), regions.names
    )


def _drawn(masks: Mapping[str, Bools], planes: Planes) -> _Drawn:
    """Masks as highdicom takes them. Memory is that of one label map, unless regions overlap."""
    shape = next(iter(masks.values())).shape
    occupied = np.zeros(shape[2], np.bool_)
    labels: Ints = np.zeros(shape, np.uint8 if len(masks) < 256 else np.uint16)
    digest, names = "", tuple(masks)
    overlap: tuple[str, ...] = ()
    for number, (name, mask) in enumerate(masks.items(), start=1):
        occupied |= mask.any(axis=(0, 1))
        digest = sha256_bytes(digest.encode() + np.packbits(mask).tobytes())
        below = labels[mask]
        if not overlap and below.any():
            overlap = (names[int(below[below > 0][0]) - 1], name)
        labels[mask] = number
    chosen = tuple(range(planes.count)) if occupied.any() else (planes.count // 2,)
    if overlap:
        pixels: Array = np.stack([mask.transpose(2, 1, 0) for mask in masks.values()], axis=-1)
    else:
        pixels = np.stack([labels[:, :, k].T for k in chosen])
    return _Drawn(pixels, chosen, planes, overlap, digest, names)


def _made(
    drawn: _Drawn,
    sources: Sequence[Dataset],
    model: Model,
    kind: WrittenKind,
    about: Sequence[Any],
    *,
    series_number: int,
    description: str,
) -> Any:
    """The segmentation as highdicom makes it: segments that carry their names, to be described further."""
    import highdicom

    heads = [header_for(source) for source in sources]
    several = drawn.planes.frames is not None
    first = heads if several else [heads[k] for k in drawn.chosen]
    given = {id(head) for head in first}
    places: dict[str, Any] = {}
    if several and drawn.planes.placed:
        places["plane_positions"] = positions(sources[0], [(drawn.planes.frames or ())[k] for k in drawn.chosen])
    return highdicom.seg.Segmentation(
        source_images=first,
        further_source_images=[head for head in heads if id(head) not in given] or None,
        pixel_array=drawn.pixels,
        segmentation_type=kind.upper(),
        segment_descriptions=[_segment(number, name, model, about) for number, name in enumerate(drawn.names, start=1)],
        series_instance_uid=derived_uid("seg series", *about),
        series_number=series_number_of(series_number),
        sop_instance_uid=derived_uid("seg", *about),
        instance_number=1,
        content_label="SEGMENTATION",
        content_description=RESEARCH,
        series_description=label_of(description),
        specific_character_set=CHARACTER_SET,
        coding_schemes=[private_scheme()],
        omit_empty_frames=len(drawn.chosen) > 1 or bool(drawn.pixels.any()),
        **places,
        **equipment(model),
    )


def _complete(dataset: Any, source: Dataset, about: Sequence[Any]) -> None:
    """What highdicom leaves to chance or out: the dimensions' UID, and how a picture without a place is turned."""
    organization = derived_uid("seg dimensions", *about)
    for sequence in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for one in dataset.get(sequence, ()):
            one.DimensionOrganizationUID = organization
    if "FrameOfReferenceUID" not in dataset:
        dataset.PatientOrientation = value(source, "PatientOrientation")


def _segment(number: int, name: str, model: Model, about: Sequence[Any]) -> Any:
    import highdicom
    from pydicom.sr.coding import Code as PydicomCode

    learned = PydicomCode("123110", "DCM", "Artificial Intelligence")
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=label_of(model.name),
        family=learned,
        version=label_of(model.version),
        source=MANUFACTURER,
        parameters={"package": model.hash or "none"},
    )
    placeholder = PydicomCode("85756007", "SCT", "Tissue")
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=label_of(name),
        segmented_property_category=placeholder,
        segmented_property_type=placeholder,
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
        tracking_id=label_of(name),
        tracking_uid=derived_uid("tracking", number, *about),
    )


def _describe(
    dataset: Any, names: Sequence[str], *, codes: Sequence[RegionCodes], colours: Mapping[str, Colour]
) -> None:
    """Give each segment its codes and colour. Modifiers are beyond what highdicom's own arguments take."""
    import highdicom

    segments = [one for one in dataset.SegmentSequence if one.SegmentNumber > 0]
    for segment, name, coded in zip(segments, names, codes, strict=True):
        kind = as_item(coded.type)
        if coded.modifiers:
            kind.SegmentedPropertyTypeModifierCodeSequence = Items(map(as_item, coded.modifiers))
        segment.SegmentedPropertyCategoryCodeSequence = Items([as_item(coded.category)])
        segment.SegmentedPropertyTypeCodeSequence = Items([kind])
        if coded.site is not None:
            site = as_item(coded.site)
            if coded.site_modifiers:
                site.AnatomicRegionModifierSequence = Items(map(as_item, coded.site_modifiers))
            segment.AnatomicRegionSequence = Items([site])
        if name in colours:
            lab = highdicom.color.CIELabColor.from_rgb(*(min(max(int(part), 0), 255) for part in colours[name]))
            segment.RecommendedDisplayCIELabValue = list(lab.value)
