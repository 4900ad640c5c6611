"""Outlines that are given with the scans to be answered: which mask is whose."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from scanwright.api.case.opened import Model
from scanwright.dataset.cases import Case
from scanwright.dataset.layouts.listing import images_in
from scanwright.dataset.layouts.names import are_numbered, label_case
from scanwright.dataset.layouts.pairing import label_of
from scanwright.errors import InputError, UsageError
from scanwright.io.formats import stem
from scanwright.io.source import LabelSource, files_of


def with_outlines(cases: Sequence[Case], given: Path | None, model: Model) -> tuple[Case, ...]:
    """Scans with their outlines: the file that is given for the one scan, or those of a folder, called as their scans or with
    a word such as "mask" behind. Scans without stay without.

    Raises UsageError for outlines that a model needs and are not given, or are given to one that needs none; InputError for
    what is not there, and where two files could be the outline of one scan.
    """
    if not model.engine.plan.reads_outlines:
        if given is not None:
            raise UsageError("this model sees all of an image", where="--outlines", found=given, hint="Leave it out.")
        return tuple(cases)
    if given is None:
        raise UsageError(
            "this model answers from what is outlined in a scan",
            where=model.package.source.path,
            expected="a mask of each scan: --outlines FOLDER, with p01.png or p01_mask.png for the scan p01",
            found="no outlines",
            hint="Outline what the question is about, as in training, and give the masks.",
        )
    if given.is_file():
        if len(cases) != 1:
            raise UsageError("one outline is of one scan", where="--outlines", found=f"{len(cases)} scans")
        return (cases[0].model_copy(update={"outline": given}),)
    files = outlines_in(given, {path for case in cases for image in case.images for path in files_of(image)})
    return tuple(case.model_copy(update={"outline": outline_of(case, files.get(case.id, []))}) for case in cases)


def outlines_in(folder: Path, scans: set[Path]) -> dict[str, list[Path]]:
    """The masks of a folder by the scan that their names speak of. scans: files that are none. Raises InputError for none."""
    found: dict[str, list[Path]] = defaultdict(list)
    own = {path.absolute() for path in scans}
    for path in images_in(folder) if folder.is_dir() else []:
        if path.absolute() not in own:
            found[label_case(stem(path)) or stem(path)].append(path)
    if not found:
        raise InputError(
            "no outline here", where=folder, expected="masks called as their scans", hint="Check the path."
        )
    return found


def outline_of(case: Case, files: Sequence[Path]) -> LabelSource | None:
    """The outline of a scan among the files of its name, numbered ones joined. Raises InputError if several could be it."""
    if len(files) > 1 and not are_numbered([stem(path) for path in files]):
        found = ", ".join(path.name for path in files)
        raise InputError("several files could be the outline", where=files[0].parent, expected="one", found=found)
    return label_of(files)
