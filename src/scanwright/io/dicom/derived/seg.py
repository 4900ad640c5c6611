"""DICOM segmentations as values: segments, and frames whose pixels are decoded when they are asked for.

    segmentation = read_segmentation(path)               (seg_read)
    segment_mask(segmentation, 1, grid)                  (seg_grid)

Source: DICOM PS3.3 A.51 and C.8.20.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from scanwright.errors import InputError
from scanwright.io.dicom.derived.codes import Code
from scanwright.io.dicom.place import Place
from scanwright.types import Array

Kind = Literal["binary", "fractional", "labelmap"]


class Frames(Protocol):
    """Decoded frames, one at a time: frame n as (rows, columns) of the stored whole numbers."""

    def __call__(self, number: int, /) -> Array:
        """Frame `number`, counted from 0."""
        ...


@dataclass(frozen=True, slots=True)
class Segment:
    """What one segment shows. number: from 1 on. algorithm_type: "AUTOMATIC", "SEMIAUTOMATIC", "MANUAL" or "".

    site: where a lesion lies. tracking_uid: the same in every report on this segment. Absent texts are "".
    """

    number: int
    label: str
    category: Code | None
    type: Code | None
    modifiers: tuple[Code, ...] = ()
    site: Code | None = None
    site_modifiers: tuple[Code, ...] = ()
    algorithm_type: str = ""
    algorithm: str = ""
    algorithm_version: str = ""
    tracking_id: str = ""
    tracking_uid: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """An image that a frame was made from. frame: counted from 1 in a multi-frame image, else None."""

    instance: str
    frame: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame. segment: its number; 0 in a label map, whose pixels are segment numbers. place: None without one."""

    segment: int
    place: Place | None
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """A segmentation: what it shows, and its frames, whose pixels are decoded one at a time.

    maximum: the stored number that means 1 (fractional), else 1. meaning: "PROBABILITY" or "OCCUPANCY" of a fractional
    one, else "". slice_step, thickness: distance between slices and their thickness, as stated, in mm. background: the
    number in a label map that is no segment. tiled: its frames are tiles of a slide, not slices. source_series,
    source_instances: UIDs of the images that it refers to as a whole; frames name theirs besides.
    """

    path: Path
    kind: Kind
    rows: int
    columns: int
    segments: tuple[Segment, ...]
    frames: tuple[Frame, ...]
    stored: Frames = field(repr=False)
    maximum: int = 1
    meaning: str = ""
    slice_step: float | None = None
    thickness: float | None = None
    background: int = 0
    tiled: bool = False
    study: str = ""
    series: str = ""
    instance: str = ""
    sop_class: str = ""
    frame_of_reference: str = ""
    source_series: tuple[str, ...] = ()
    source_instances: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def segment(self, number: int) -> Segment:
        """The segment of that number. Raises InputError if there is none."""
        for one in self.segments:
            if one.number == number:
                return one
        known = ", ".join(str(one.number) for one in self.segments[:8]) + (" …" if len(self.segments) > 8 else "")
        raise InputError("no such segment", where=self.path, expected=f"one of {known or 'none'}", found=number)

    def pixels(self, frame: int, number: int) -> Array:
        """Segment `number` in a frame: (rows, columns) bool, or float32 from 0 to 1 in a fractional segmentation."""
        stored = self.stored(frame)
        if self.kind == "fractional":
            return stored.astype(np.float32) / np.float32(self.maximum)
        return np.asarray(stored == number if self.kind == "labelmap" else stored != 0)
