"""Labels that a model gives to scans nobody has labelled, as a data set of their own: those of which the model is sure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanwright.api.case import slices
from scanwright.api.case.answering import answer_volume
from scanwright.api.case.opened import Model
from scanwright.dataset.cases import Case
from scanwright.dataset.collection import Listing, write_declaration
from scanwright.dataset.images import read_case_image
from scanwright.dataset.manifest import channel_hash
from scanwright.dataset.placing import Placing
from scanwright.dataset.translate import Translation
from scanwright.errors import InputError
from scanwright.files import read_json, require_writable, write_json
from scanwright.geometry.volume import Volume
from scanwright.inference.confidence import expected_dice, image_sums
from scanwright.io.source import place_of
from scanwright.protocols import Listener, Progress, silent

RECORD = "confidence.json"
NAME = "pseudo"
"""Of the folder that such labels lie in, and so of their source in a data set that they are merged into."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A folder of pseudo-labels. confidence: of every scan that was answered, in [0, 1]. taken: those in the folder."""

    folder: Path
    confidence: Mapping[str, float]
    taken: tuple[str, ...]


def label(model: Model, cases: Sequence[Case], folder: Path, *, least: float, tell: Listener = silent) -> Labelled:
    """Answer scans and keep those with a confidence of at least `least`. A folder that is whole already is taken as it is.

    Raises what reading and answering raise; a scan that cannot be read is left out by `readable` before.
    """
    if (folder / RECORD).is_file():
        found = {str(name): float(value) for name, value in read_json(folder / RECORD).items()}
        return Labelled(folder, found, tuple(name for name, value in found.items() if value >= least))
    require_writable(folder)
    write_declaration(folder, model.task)
    listing = Listing(root=folder, task=model.task)
    placing = Placing(root=folder, task=model.task, apart=any(len(case.images) > 1 for case in cases))
    plain = Translation(channels=tuple(range(len(model.task.channels))))
    found = {}
    for done, case in enumerate(cases, start=1):
        image = read_case_image(case, model.task)
        found[case.id] = round(confidence(model, image), 6)
        if found[case.id] >= least:
            answer, _ = answer_volume(model, image, where=place_of(case.images[0]), tell=silent)
            placed = placing.place(case, model.task, plain, name=case.id, answer=answer)
            listing.add(case, placed, size=image.shape[:2])
        tell(Progress("pseudo-label", done=done, total=len(cases)))
    if listing.rows:
        listing.write()
    write_json(folder / RECORD, found)
    return Labelled(folder, found, tuple(name for name, value in found.items() if value >= least))


def confidence(model: Model, image: Volume) -> float:
    """The least expected Dice of the regions that a model finds in an image, in [0, 1]; 0 where it finds none.

    Of a scan in which nothing is found it cannot be told whether there is nothing.
    """
    plan = model.engine.plan.preprocess
    axis = slices.axis_across(image.grid, plan)
    parts = slices.slices_of(image, axis=axis) if model.is_flat and image.shape[axis] > 1 else [image]
    regions = len(model.task.regions)
    sums = np.sum([image_sums(model.engine, part, regions=regions) for part in parts], axis=0)
    return min((value for value in expected_dice(sums) if value is not None), default=0.0)


def readable(
    cases: Sequence[Case], model: Model, known: Mapping[tuple[str, ...], str]
) -> tuple[list[Case], dict[str, str]]:
    """Scans that can be answered, and why the others are left out: they cannot be read, or are labelled already.

    known: labelled cases by the hashes of their channels.
    """
    kept, gone = [], {}
    for case in cases:
        try:
            image = read_case_image(case, model.task)
        except InputError as error:
            gone[case.id] = error.message
            continue
        same = known.get(tuple(channel_hash(channel) for channel in image.voxels))
        if same is None:
            kept.append(case)
        else:
            gone[case.id] = f"the same voxels as {same}, which has a label"
    return kept, gone
