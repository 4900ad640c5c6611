"""Outlines that a model reads: those of a data set, each of them sound before anything learns, and those given with scans."""

from functools import partial

from scanwright.api.run.folder import Run, read_record
from scanwright.api.run.splitting import changed
from scanwright.api.run.study import Study
from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_outline
from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.files import sha256_file, write_json
from scanwright.io.formats import read_grid
from scanwright.io.source import files_of
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
