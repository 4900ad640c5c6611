"""A task for folders that declare none: channels from names and a few images, regions from the label values found.

Regions are read from every label file, not from some: a rare value that a sample misses would stop the run later as
undeclared. Nothing is guessed about what a value means: value 2 is "label 2", red "label #ff0000", until scanwright.json
names it. What is
measured is whether the values can be classes at all: grey levels between two classes, made by interpolation, cannot.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from scanwright.dataset.measures import count_values
from scanwright.dataset.task import Channel, Modality, Region, modality_of, modality_of_folder
from scanwright.errors import InputError, ScanwrightError
from scanwright.io.colours import name_of
from scanwright.io.formats import is_picture, read_label, read_volume
from scanwright.io.raster import is_one_bit
from scanwright.io.source import LabelFiles, LabelSource, Source, files_of, place_of
from scanwright.types import Array, Floats

SOURCE = "label values"  # the source of a task whose regions were inferred here
FULL_SCALES = (255, 65535)  # white in 8 and 16 bits
MAX_VALUES = 64  # more than any labelled data set of this kind; an image or a JPEG mask has up to 256
PEEKED = 12  # images looked at to tell colour from grey


def infer_regions(labels: Iterable[LabelSource]) -> tuple[Region, ...]:
    """One region for each value besides 0 in any of the label files, ascending; "foreground" if there is only one.

    Where each file holds one value, 1 in all those of 1 bit and white in all others, the two mean the same: one region of both.
    A file that cannot be read is left to the checks. Raises InputError if a file holds more than 64 values (it is then
    no mask, or one saved as JPEG) or a negative one, if no file holds anything but 0, or if none can be read.
    """
    by_depth: dict[bool, set[int]] = {True: set(), False: set()}  # values of files of 1 bit, and of all others
    alone = True
    failure: ScanwrightError | None = None
    num_read = 0
    for label in labels:
        try:
            own = set(_values_in(label)) - {0}
            by_depth[_is_one_bit(label)] |= own
            alone = alone and len(own) < 2
            num_read += 1
        except ScanwrightError as error:
            if error.where == place_of(label) and error.hint in (MASK_HINT, NEGATIVE_HINT):
                raise
            failure = failure or error
    if failure is not None and not num_read:
        raise failure
    found = by_depth[True] | by_depth[False]
    if not found:
        raise InputError("no label value besides 0 in any label file", hint="Check that these are the label files.")
    is_white = len(by_depth[False]) == 1 and by_depth[False] <= set(FULL_SCALES)
    if len(found) == 1 or (alone and is_white and by_depth[True] == {1}):
        return (Region(name="foreground", values=tuple(sorted(found))),)
    return tuple(Region(name=f"label {name_of(value)}", values=(value,)) for value in sorted(found))


def _is_one_bit(label: LabelSource) -> bool:
    """Whether every file of a label map is a picture of 1 bit, whose values are kept."""
    if isinstance(label, LabelFiles) and label.values is not None:
        return False
    return all(is_picture(path) and is_one_bit(path) for path in files_of(label))


MASK_HINT = "Save masks without interpolation or loss (PNG, NIfTI, NRRD), or name the label folder in scanwright.json."
NEGATIVE_HINT = "Number the labels from 1, or name the values that are wanted in scanwright.json."


def _values_in(label: LabelSource) -> list[int]:
    values = sorted(count_values(read_label(label).voxels))
    if len(values) > MAX_VALUES:
        raise InputError(
            "not a mask",
            where=place_of(label),
            expected=f"at most {MAX_VALUES} label values",
            found=f"{len(values)} values, {values[0]} to {values[-1]}",
            hint=MASK_HINT,
        )
    if values[0] < 0:
        raise InputError(
            "label values that cannot be learned",
            where=place_of(label),
            expected="none below 0",
            found=", ".join(str(value) for value in values[:5] if value < 0),
            hint=NEGATIVE_HINT,
        )
    return values


BORDER_VALUES = 6  # besides the most common one; fewer are classes, or too few grey levels to be told from classes
BORDER_SAMPLE = 2000
SCANNED = 1 << 22  # voxels among which the sample is looked for
LEAST_VOXELS = 20
BETWEEN, VARIETY, VARIETY_IN_3D = 0.6, 0.5, 0.35


@dataclass(frozen=True, slots=True)
class Border:
    """How the values of one label besides its most common one lie, over voxels with a neighbour of another value.

    values: how many values the label has besides 0. highest: the highest of them.
    between: share of those voxels that have both a lower and a higher value among their neighbours (3 x 3, or 3 x 3 x 3).
    variety: different values in such a neighbourhood over voxels in it, 0 and the most common value counted in neither.
    flat: whether the label is a single slice.

    Measured on masks resampled by 0.6 to 4, smoothed (sigma 0.6 to 2.5 voxels) or saved as JPEG, to 15 to 256 values:
    between 0.66 to 1, variety 0.52 to 0.91 in pictures and 0.38 to 0.83 in volumes (0.27 for the widest smoothing to 20
    values). True maps of 7 to 10 nested shells, each 1 to 3 voxels thick: variety at most 0.38 and 0.14; of 20 to 200
    patches in 64 x 64 or 40 x 40 x 40 voxels: between at most 0.52, variety 0.43 and 0.16. With 11 values some masks pass
    as classes.
    """

    values: int
    highest: int
    between: float
    variety: float
    flat: bool

    @property
    def is_grey(self) -> bool:
        """Whether these are the grey levels of an interpolated mask, and no classes."""
        return self.between >= BETWEEN and self.variety >= (VARIETY if self.flat else VARIETY_IN_3D)


def border_of(label: Array, counts: Mapping[int, int], *, ignore: int | None = None) -> Border | None:
    """Look at an (I, J, K) label's rarer values; counts: how many voxels each value has. Up to 2000 voxels are looked at.

    None if there are fewer than 6 values besides 0, the ignored one and the most common one, or hardly a voxel of them.
    """
    found = {value: number for value, number in counts.items() if value not in (0, ignore)}
    if len(found) <= BORDER_VALUES:
        return None
    common = max(found, key=lambda value: found[value])
    around = _neighbourhoods(label, [0, common] if ignore is None else [0, common, ignore])
    lower, higher = around.min(axis=1) < around[:, 0], around.max(axis=1) > around[:, 0]
    mixed = lower | higher
    if np.count_nonzero(mixed) < LEAST_VOXELS:
        return None
    return Border(
        values=len(found),
        highest=max(found),
        between=float((lower & higher)[mixed].mean()),
        variety=float(_variety(np.where(around == common, 0, around)[mixed]).mean()),
        flat=1 in label.shape,
    )


def _variety(around: Array) -> Floats:
    """Of each row: different values over places, those of 0 left out; a row has one that is not 0 at least."""
    ordered = np.sort(around, axis=1)
    first = np.concatenate([np.ones((len(ordered), 1), bool), ordered[:, 1:] != ordered[:, :-1]], axis=1)
    return np.asarray((first & (ordered != 0)).sum(axis=1) / (ordered != 0).sum(axis=1), np.float64)


def _neighbourhoods(label: Array, besides: Sequence[int]) -> Array:
    """(voxels, 9 or 27) values around up to BORDER_SAMPLE voxels that hold none of `besides`; their own comes first.

    Evenly spread over the label. Outside of it the outermost voxels go on.
    """
    order: Literal["C", "F"] = "F" if label.flags.f_contiguous else "C"
    step = max(1, label.size // SCANNED) | 1  # odd, so that it does not fall in step with a side of 2^n voxels
    places = np.flatnonzero(~np.isin(label.ravel(order=order)[::step], besides)) * step
    places = places[:: max(1, places.size // BORDER_SAMPLE)][:BORDER_SAMPLE]
    middles = np.stack(np.unravel_index(places, label.shape, order=order), axis=-1)
    sides = [(0, -1, 1) if size > 1 else (0,) for size in label.shape]
    corners = middles[:, None] + np.array(list(product(*sides)))
    i, j, k = np.moveaxis(corners.clip(0, np.array(label.shape) - 1), -1, 0)
    return np.asarray(label[i, j, k])


def infer_channels(images: Sequence[Source], *, names: Sequence[str] = (), folder: str) -> tuple[Channel, ...]:
    """Channels of a data set: `names` where file names tell channels apart, else one, or the colours of a picture.

    images: the first image of each case. folder: the data folder's name; its words ("xray_lungs", "ct-liver") give the
    modality of a single channel whose name says nothing. A data set counts as colour if most images looked at have three
    channels that differ.
    """
    if len(names) > 1:
        return tuple(Channel(name=name, modality=modality_of(name)) for name in names)
    peeked = [is_colour(image) for image in images[:: max(1, len(images) // PEEKED)][:PEEKED]]
    if sum(peeked) * 2 > len(peeked):
        return tuple(Channel(name=name, modality="rgb") for name in ("red", "green", "blue"))
    modality = _modality(names[0] if names else "", folder)
    name = names[0] if names else modality.upper() if modality != "other" else "image"
    return (Channel(name=name, modality=modality),)


def is_colour(image: Source) -> bool:
    """Whether a picture has three channels that differ. A file that cannot be read is not (the checks name it)."""
    try:
        voxels = read_volume(image).voxels
    except ScanwrightError:
        return False
    return len(voxels) == 3 and not (np.array_equal(voxels[0], voxels[1]) and np.array_equal(voxels[1], voxels[2]))


def _modality(name: str, folder: str) -> Modality:
    """What the channel's own name says; where that is only a number or "image", what the folder's name says.

    A single channel is no colour, whatever it is called.
    """
    speaks = any(letter.isalpha() for letter in name) and name.lower() not in ("image", "img", "channel")
    found = modality_of(name) if speaks else modality_of_folder(folder)
    return "other" if found == "rgb" else found
