"""Outlines that a model reads: those of a data set, each of them sound before anything learns, and those given with scans."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from scanwright.api.opened import Model
from scanwright.api.run import Run, read_record
from scanwright.api.study import Study, changed
from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_outline
from scanwright.dataset.layouts.listing import images_in
from scanwright.dataset.layouts.names import are_numbered, label_case
from scanwright.dataset.layouts.pairing import label_of
from scanwright.dataset.task import Task
from scanwright.errors import InputError, UsageError
from scanwright.files import sha256_file, write_json
from scanwright.io.formats import read_grid, stem
from scanwright.io.source import LabelSource, files_of
from scanwright.workers import spread

OUTLINES = "outlines.json"
FEW_CASES = 12
"""Below this, starting worker processes takes longer than they save."""
MOST_NAMED = 8


def require_outlines(run: Run, study: Study) -> None:
    """Raise InputError, naming all of them, if cases of a model that reads outlines have none that could be described, and
    UsageError if one has changed since the run began. Writes outlines.json: the hashes of each case's files.
    """
    names = [name for fold in study.splits.folds for name in (*fold.train, *fold.validation)]
    cases = [study.case(name) for name in sorted({*names, *study.splits.test})]
    hashes = {case.id: outline_hashes(case) for case in cases}
    file = run.path(OUTLINES)
    if file.exists():
        if read_record(file) != hashes:
            raise changed(run, "the outlines have", found="other masks")
        return
    work = partial(trouble, task=study.dataset.task)
    found = spread(work, cases, workers=study.plan.training.threads, few=FEW_CASES)
    refused = {case.id: error for case, error in zip(cases, found, strict=True) if error is not None}
    if refused:
        lines = [f"{name}: {error}" for name, error in list(refused.items())[:MOST_NAMED]]
        more = [f"and {len(refused) - MOST_NAMED} more"] if len(refused) > MOST_NAMED else []
        raise InputError(
            "radiomic features describe what is outlined, and not every case has an outline",
            where=study.dataset.root,
            expected="a mask of each case that is not empty, on its image's grid",
            found=f"{len(refused)} of {len(cases)} cases without",
            details=[*lines, *more],
            hint="Draw them, or leave these cases out with --exclude. An empty mask would tell the class by itself.",
        )
    write_json(file, hashes)


def trouble(case: Case, *, task: Task) -> str | None:
    """Why the outline of a case cannot be described, in words; None if it can."""
    try:
        read_outline(case, read_grid(case.images[0], as_channels=len(task.channels) > 1).grid)
    except InputError as error:
        return error.message
    return None


def outline_hashes(case: Case) -> list[str]:
    """SHA-256 of each file that a case's outline is read from."""
    return [] if case.outline is None else [sha256_file(file) for file in files_of(case.outline)]


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
