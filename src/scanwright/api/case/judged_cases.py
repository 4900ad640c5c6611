"""judged.json: the cases that a run or an evaluation has judged, whole, so that models can be compared without images.

    {"format", "problem", "task", "sets": {name: [row, ...]}, "content": {case: [hash of its images, hash of its label]}}

A package holds the same of the answers out of fold, without names: a case goes by the hash of its images, patients by
numbers, and nothing is said of age, sex or hospital.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.measures import images_hash
from scanwright.dataset.task import Task, parse_task
from scanwright.errors import InputError
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.summaries.kept_rows import read_rows
from scanwright.files import canonical_json, write_bytes
from scanwright.problem.kind import Kind
from scanwright.types import JSON

JUDGED = "judged.json"
FORMAT = "scanwright judged cases 1"


@dataclass(frozen=True, slots=True)
class Content:
    """SHA-256 of what was read of a case: its images, and its label map; "" where it is not known, or there is none."""

    images: str = ""
    label: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Judged cases by the sets that they were judged in. problem: the name of its kind. content: of cases by name.

    named: whether cases have the names that their data set gave them, and not hashes.
    """

    problem: str
    task: Task
    sets: Mapping[str, Sequence[Any]]
    content: Mapping[str, Content]
    named: bool = True

    def to_json(self, problem: Kind) -> dict[str, JSON]:
        """Plain data."""
        return {
            "format": FORMAT,
            "problem": self.problem,
            "task": self.task.model_dump(mode="json"),
            "named": self.named,
            "sets": {name: [problem.kept(row) for row in rows] for name, rows in self.sets.items()},
            "content": {name: [one.images, one.label] for name, one in self.content.items()},
        }


def judged_cases(
    problem: Kind, sets: Mapping[str, Sequence[JudgedCase]], facts: Mapping[str, CaseFacts]
) -> dict[str, JSON]:
    """judged.json of some sets of cases; empty ones are left out. facts: of those whose files could be read."""
    kept = {name: list(rows) for name, rows in sets.items() if rows}
    names = [row.case for rows in kept.values() for row in rows]
    content = {
        name: Content(images_hash(facts[name].image_hashes), facts[name].label_hash or "")
        for name in names
        if name in facts
    }
    return Judged(problem=problem.name, task=problem.task, sets=kept, content=content).to_json(problem)


def write_judged(file: Path, data: Mapping[str, JSON]) -> None:
    """Write it, in few bytes."""
    write_bytes(file, canonical_json(data) + b"\n")


def without_names(data: Mapping[str, JSON]) -> dict[str, JSON]:
    """The same for those who may not know whose the cases are. Of cases whose images are the same the later ones get a number.

    A case whose files could not be read is left out: nothing tells it again.
    """
    names: dict[str, str] = {}
    for name, (images, _) in data["content"].items():
        taken = sum(known.partition("-")[0] == images for known in names.values())
        names[name] = f"{images}-{taken + 1}" if taken else images
    owners = dict.fromkeys(row["patient"] for rows in data["sets"].values() for row in rows)
    patients = {name: f"p{number}" for number, name in enumerate(owners, start=1)}
    return {
        **data,
        "named": False,
        "sets": {
            name: [
                {**row, "case": names[row["case"]], "patient": patients[row["patient"]], "groups": {}}
                for row in rows
                if row["case"] in names
            ]
            for name, rows in data["sets"].items()
        },
        "content": {names[name]: content for name, content in data["content"].items()},
    }


def judged_from_json(data: JSON, problem_of: Any, *, where: Path) -> Judged:
    """The same as objects. problem_of: makes the problem of a task. Raises InputError for what is none."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format", "something else") if isinstance(data, dict) else "something else"
        raise InputError("not judged cases", where=where, expected=FORMAT, found=str(found)[:80])
    try:
        task = parse_task(data["task"], where=where)
        content = {str(name): Content(*map(str, one)) for name, one in data["content"].items()}
        sets, named = dict(data["sets"]), bool(data.get("named", True))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError("judged cases that cannot be read", where=where, found=repr(error)[:160]) from error
    problem = problem_of(task)
    rows = {str(name): read_rows(one, problem.row_of, where=where) for name, one in sets.items()}
    return Judged(problem=str(data.get("problem")), task=task, sets=rows, content=content, named=named)
