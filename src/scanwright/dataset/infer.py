"""A task for folders that declare none: channels from names and a few images, regions from the label values found.

Regions are read from every label file, not from some: a rare value that a sample misses would stop the run later as
undeclared. Nothing is guessed about what a value means: value 2 is "label 2" until scanwright.json names it.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from scanwright.dataset.measures import count_values
from scanwright.dataset.task import Channel, Modality, Region, modality_of, modality_of_folder
from scanwright.errors import InputError, ScanwrightError
from scanwright.io.formats import read_label, read_volume
from scanwright.io.source import LabelSource, Source, place_of

MAX_VALUES = 64  # more than any labelled data set of this kind; an image or a JPEG mask has up to 256
PEEKED = 12  # images looked at to tell colour from grey


def infer_regions(labels: Iterable[LabelSource]) -> tuple[Region, ...]:
    """One region for each value besides 0 in any of the label files, ascending; "foreground" if there is only one.

    A file that cannot be read is left to the checks. Raises InputError if a file holds more than 64 values (it is then
    no mask, or one saved as JPEG), if no file holds anything but 0, or if none can be read.
    """
    found: set[int] = set()
    failure: ScanwrightError | None = None
    num_read = 0
    for label in labels:
        try:
            found |= set(_values_in(label))
            num_read += 1
        except ScanwrightError as error:
            if error.where == place_of(label) and error.hint == MASK_HINT:
                raise
            failure = failure or error
    if failure is not None and not num_read:
        raise failure
    found.discard(0)
    if not found:
        raise InputError("no label value besides 0 in any label file", hint="Check that these are the label files.")
    if len(found) == 1:
        return (Region(name="foreground", values=tuple(found)),)
    return tuple(Region(name=f"label {value}", values=(value,)) for value in sorted(found))


MASK_HINT = "Save masks without loss (PNG, NIfTI, NRRD), or name the label folder in scanwright.json."


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
    return values


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
