"""Which files of a folder are ours to overwrite. A scan, or a label that somebody drew, is never overwritten.

`predict` writes predictions.json beside its answers and overwrites what is listed there, and nothing else; `evaluate` does
the same with the three files that it writes.
"""

from collections.abc import Iterable, Mapping, Sequence
from os.path import realpath
from pathlib import Path
from typing import Any

from scanwright.api.run.folder import holds_run
from scanwright.dataset.cases import Case
from scanwright.errors import InputError, UsageError
from scanwright.files import read_json, write_json
from scanwright.io.source import files_of, place_of

RECORD, BEGUN = "predictions.json", "begun"
SCORES_PAGE = "report.html"
ELSEWHERE = "Choose another folder with -o."


class Answers:
    """The record of what was answered into a folder: a row for each case, by the name of its label file.

    A row of an answer that was begun and not finished has what the names of files end in that may have been written beside it
    (BEGUN): none was there before, so that they are ours.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / RECORD
        self.rows: dict[str, dict[str, Any]] = {}
        self.fresh: set[str] = set()
        """Names that had no row before, and of which nothing is written yet."""
        if self.file.exists():
            found = read_json(self.file)
            if not isinstance(found, dict) or found.get("written_by") != "scanwright predict":
                raise UsageError("this folder holds somebody else's predictions", where=self.file, hint=ELSEWHERE)
            self.rows = _sound_rows(found.get("predictions"), self.file)
        self.owners = {name: row for row, said in self.rows.items() for name in _said(said, row)}
        """Which row names a file as written."""

    def claim(self, targets: Mapping[Path, Case], *, beside: Sequence[str] = ()) -> None:
        """Put down what will be written, before it is. Raises UsageError if a file is there that is not of this record, or
        is of another row.

        beside: what the names of further files end in that may be written with each answer, behind the case's own.
        """
        taken = []
        for file, case in targets.items():
            own = self._own(file, case)
            names = (file.name, *(case.id + end for end in beside))
            taken += [name for name in names if name not in own and file.with_name(name).exists()]
        if taken:
            raise UsageError(
                "files of these names belong to other answers in this folder"
                if self.owners.keys() >= set(taken)
                else "files of these names are there already, and predict did not write them",
                where=self.file.parent,
                found=listed(dict.fromkeys(taken)),
                hint=ELSEWHERE,
            )
        if twice := {file.name for file in targets} & {case.id + end for case in targets.values() for end in beside}:
            raise UsageError(
                "two files of one name would be written",
                where=self.file.parent,
                found=listed(sorted(twice)),
                hint="Rename one of the scans, or answer them into different folders.",
            )
        self.fresh = {file.name for file in targets} - self.rows.keys()
        self.rows = {file.name: {"case": case.id, BEGUN: list(beside)} for file, case in targets.items()} | self.rows
        self.write()

    def clear(self, file: Path, case: Case, *, beside: Sequence[str] = ()) -> None:
        """Remove what an earlier answer of this name left, beside it too: another model's page would stand beside the new one.
        What is of no row, or of another, stays. beside: as of `claim`.
        """
        if file.name in self.fresh:
            self.fresh.discard(file.name)
            return
        earlier, gone = self.rows[file.name], sorted(self._own(file, case))
        begun = {"case": case.id, BEGUN: sorted({*beside, *earlier.get(BEGUN, ())})}
        self.note(file, {**begun, "also": gone})  # killed from here on, the record tells of no answer, and what is ours
        for name in gone:
            file.with_name(name).unlink(missing_ok=True)
        self.note(file, begun)

    def leave(self, file: Path) -> None:
        """A case that could not be answered, and of which nothing was written: its name is free again."""
        if file.name in self.fresh:
            del self.rows[file.name]
            self.write()

    def note(self, file: Path, row: dict[str, Any]) -> None:
        """Put down what was found in a case."""
        for name in _said(self.rows.get(file.name, {}), file.name):
            self.owners.pop(name, None)
        self.rows[file.name] = row
        self.fresh.discard(file.name)
        self.owners |= dict.fromkeys(_said(row, file.name), file.name)
        self.write()

    def write(self) -> None:
        """Write the record."""
        write_json(self.file, {"written_by": "scanwright predict", "predictions": self.rows})

    def _own(self, file: Path, case: Case) -> set[str]:
        """The names of files that the row of an answer says were written; of one that was not finished, what may have been.
        Neither what another row names, nor what another answer is called.
        """
        row = self.rows.get(file.name, {})
        begun = {file.name, *(case.id + end for end in row[BEGUN])} if BEGUN in row else set()
        mine = {name for name in begun if self.owners.get(name, file.name) == file.name}
        return {name for name in _said(row, file.name) | mine if name == file.name or name not in self.rows}


def _sound_rows(rows: Any, file: Path) -> dict[str, dict[str, Any]]:
    """The rows of a record, as far as they decide what is ours. Raises UsageError if they are not as `predict` writes them:
    changed by hand or by a program, they say nothing that can be relied on.
    """
    odd = (
        [name for name, row in rows.items() if not _is_sound(name, row)] if isinstance(rows, dict) else ["predictions"]
    )
    if odd:
        raise UsageError(
            "this record of predictions is damaged",
            where=file,
            found=f"not as predict writes it: {listed(odd)}",
            hint=f"Restore it, or remove it with the answers it names. {ELSEWHERE}",
        )
    return dict(rows)


def _is_sound(name: str, row: Any) -> bool:
    """Whether a row is that of a file here, has a case, and lists of names where it has lists."""
    if not (Path(name).name == name and isinstance(row, dict) and isinstance(row.get("case"), str)):
        return False
    lists = [row.get("also", []), row.get(BEGUN, [])]
    return all(isinstance(names, list) and all(isinstance(one, str) for one in names) for names in lists)


def _said(row: Mapping[str, Any], name: str) -> set[str]:
    """The names of files that a row says were written. name: of its answer, which one that was declined, or not finished, does
    not have.
    """
    answered = any(key != "case" and isinstance(value, str) and Path(value).name == name for key, value in row.items())
    return {*([name] if answered else []), *(Path(path).name for path in row.get("also", ()))}


def require_apart(targets: Sequence[tuple[Path, Case]]) -> dict[Path, Case]:
    """Where each case's answer goes. Raises UsageError if two go to one file, or one would lie where a scan does."""
    by_file: dict[Path, Case] = {}
    for file, case in targets:
        if file in by_file:
            raise UsageError(
                "two scans of one name would be answered into one file",
                where=file,
                found=f"{place_of(by_file[file].images[0])} and {place_of(case.images[0])}",
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
