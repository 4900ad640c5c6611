"""What merging and appending have to say: what came in, under which names, and what was left out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scanwright.dataset.cases import Case, Classes, Side
from scanwright.dataset.task import Task

SHOWN = 4


@dataclass(frozen=True, slots=True)
class Renamed:
    """A case or patient of a source that is called otherwise now."""

    source: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """A case of a source that was left out, and the one ("SOURCE: CASE") that has the same image and answer.

    side, side_there: the side of each in the split of its own source.
    """

    source: str
    case: str
    same_as: str
    side: Side
    side_there: Side


@dataclass(frozen=True, kw_only=True, slots=True)
class Grown:
    """A data set that was made or enlarged. cases: all that are in it now. added: how many of each source.

    notes: what else people should know, a sentence each.
    """

    folder: Path
    task: Task
    cases: int
    added: Mapping[str, int]
    renamed: tuple[Renamed, ...] = ()
    patients: tuple[Renamed, ...] = ()
    repeated: tuple[Repeated, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "folder": str(self.folder),
            "task": self.task.model_dump(mode="json"),
            "cases": self.cases,
            "added": dict(self.added),
            "cases_renamed": [asdict(one) for one in self.renamed],
            "patients_renamed": [asdict(one) for one in self.patients],
            "repeated": [asdict(one) for one in self.repeated],
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """The same for people."""
        added = ", ".join(f"{count} of {name}" for name, count in self.added.items())
        renamed = {
            "cases were called like others": [f"{one.before} of {one.source} is {one.after}" for one in self.renamed],
            "patients were called like others": [
                f"{one.before} of {one.source} is {one.after}" for one in self.patients
            ],
            "cases were there already, and left out": [
                f"{one.case} of {one.source} is {one.same_as}" for one in self.repeated
            ],
        }
        listed = [f"{len(names)} {what}: {some(names)}" for what, names in renamed.items() if names]
        return [f"{self.folder}  {self.cases} cases; added {added}", *listed, *self.notes]


def some(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def moved(repeated: Sequence[Repeated]) -> tuple[str, ...]:
    """Cases that one source tests on and another learns from: the side of the one that is kept holds. All are named."""
    found = [one for one in repeated if one.side != one.side_there]
    if not found:
        return ()
    named = ", ".join(f"{one.case} of {one.source} ({one.side}) is {one.same_as} ({one.side_there})" for one in found)
    cases = f"{len(found)} case{'s' if len(found) > 1 else ''}"
    return (f"{cases} left out on one side of a split, and kept on the other, which holds: {named}",)


def notes_on(task: Task, kept: Mapping[str, Sequence[Case]]) -> tuple[str, ...]:
    """Classes that one source alone has: a model could learn to tell the source instead."""
    if task.kind != "classification" or len(kept) < 2:
        return ()
    homes: dict[str, set[str]] = {name: set() for name in task.classes}
    for source, cases in kept.items():
        for name in (name for case in cases if isinstance(case.target, Classes) for name in case.target.names):
            homes[name].add(source)
    alone = [f"{name} in {next(iter(sources))} only" for name, sources in homes.items() if len(sources) == 1]
    return (f"the source gives the class away: {', '.join(alone)}",) if alone else ()
