"""Where results may be written: never over a scan, into a data set, or over what somebody else wrote."""

from collections.abc import Iterable, Sequence
from os.path import realpath
from pathlib import Path

from scanwright.api.run.folder import holds_run
from scanwright.dataset.cases import Case
from scanwright.errors import InputError, UsageError
from scanwright.files import read_json
from scanwright.io.source import files_of, place_of

RECORD = "predictions.json"
SCORES_PAGE = "report.html"
ELSEWHERE = "Choose another folder with -o."


def require_apart(targets: Sequence[tuple[Path, Case]]) -> dict[Path, Case]:
    """Where each case's answer goes. Raises UsageError if two have one name, or one would lie where a scan does."""
    by_file: dict[Path, Case] = {}
    by_name: dict[str, Case] = {}
    for file, case in targets:
        if (first := by_name.setdefault(case.id, case)) is not case:
            raise UsageError(
                "two scans of one name would be answered into one file",
                where=file,
                found=f"{place_of(first.images[0])} and {place_of(case.images[0])}",
                hint="Answer them into different folders, one after the other.",
            )
        by_file[file] = case
    # not Path.resolve, which raises for links in a circle: such a scan is refused later, by itself
    scans = {realpath(path) for _, case in targets for image in case.images for path in files_of(image)}
    over = [file for file in by_file if realpath(file) in scans]
    if over:
        raise UsageError("the answer would be written over the scan", where=over[0], hint=ELSEWHERE)
    return by_file


def require_outside(folder: Path, data: Path) -> None:
    """Raise UsageError if results would be written into the data set, where they could be read as a part of it."""
    inside, root = folder.resolve(), data.resolve()
    if root.is_dir() and (inside == root or root in inside.parents):
        raise UsageError("the output folder lies inside the data set", where=folder, hint=ELSEWHERE)


def require_free_for_scores(folder: Path) -> None:
    """Raise UsageError if a folder holds a run, or a metrics.json, cases.csv or report.html that `evaluate` did not write."""
    if holds_run(folder):
        raise UsageError("this folder holds a run, whose own scores would be overwritten", where=folder, hint=ELSEWHERE)
    there = [file for name in ("metrics.json", "cases.csv", SCORES_PAGE) if (file := folder / name).exists()]
    if there and not is_scores(folder / "metrics.json"):
        raise UsageError(
            "a file of this name is there already, and evaluate did not write it", where=there[0], hint=ELSEWHERE
        )


def is_scores(file: Path) -> bool:
    """Whether a file is a metrics.json of ours."""
    try:
        found = read_json(file) if file.is_file() else None
    except InputError:
        return False
    return isinstance(found, dict) and {"problem", "primary", "overall", "by_class"} <= set(found)


def listed(names: Iterable[str], *, shown: int = 4) -> str:
    """Some names, and how many more there are."""
    every = list(names)
    return ", ".join(every[:shown]) + (f" and {len(every) - shown} more" if len(every) > shown else "")
