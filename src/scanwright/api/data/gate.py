"""The data gate as verbs use it: every case looked at, all of them held together, waivers applied, all of it written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scanwright.api.data.page import data_report
from scanwright.dataset.cases import Case, Dataset, Fault
from scanwright.dataset.checks import Checks, check, fault_lines, ranked, stopping
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.split import Splits
from scanwright.dataset.varied import nothing_to_learn
from scanwright.errors import PolicyError
from scanwright.files import canonical_json, sha256_bytes, write_bytes, write_json
from scanwright.gate.cohort import Cohort
from scanwright.gate.patients import doubted_patients
from scanwright.gate.survey import Glance, Survey, glance, survey
from scanwright.gate.waive import Waiver, waived, ways_out
from scanwright.protocols import Listener, Progress
from scanwright.report.data_page import build

CHECKS, PAGE = "checks.json", "inspect.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """A data set that was looked at. checks: with what the cases show together, and with waivers applied.

    survey: null where the cases were not held together, as some of them have errors that stop a run anyhow.
    """

    dataset: Dataset
    checks: Checks
    cohort: Cohort
    survey: Survey | None = None
    waivers: tuple[Waiver, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def glances(self) -> dict[str, Glance]:
        """What was kept of each case."""
        return self.checks.seen

    @property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """Cases of different patients that belong on one side of a split."""
        found = self.survey
        return () if found is None else (*found.duplicates.together, *found.leakage.together)

    def to_json(self) -> dict[str, Any]:
        """The content of checks.json."""
        return {
            "root": str(self.dataset.root),
            "layout": self.dataset.layout,
            "stated": self.dataset.stated,
            "patients_from": self.dataset.patients_from,
            "excluded": list(self.excluded),
            "content": content_digest(self.dataset, self.checks),
            "faults": [fault.model_dump(mode="json") for fault in self.checks.faults],
            "waivers": [waiver.model_dump(mode="json") for waiver in self.waivers],
            "survey": None if self.survey is None else self.survey.to_json(),
            "facts": {name: facts.model_dump(mode="json") for name, facts in self.checks.facts.items()},
        }


def look_at_cases(
    dataset: Dataset, *, jobs: int, excluded: Sequence[str] = (), judge_labels: bool = False, tell: Listener
) -> Looked:
    """Every voxel of every case, read once. judge_labels: keep what a quick model needs to judge labels."""
    checks = check(
        dataset,
        jobs=jobs,
        on_progress=lambda done, total: tell(Progress("check", done=done, total=total)),
        see=partial(glance, judge_labels=judge_labels),
    )
    cohort = Cohort(dataset=dataset, facts=checks.facts)
    return Looked(dataset=dataset, checks=checks, cohort=cohort, excluded=tuple(excluded))


def look_at_all(
    looked: Looked,
    *,
    splits: Splits | None = None,
    waivers: Sequence[Waiver] = (),
    judge_labels: bool = False,
    further: Sequence[Fault] = (),
    tell: Listener,
) -> Looked:
    """What the cases show together. splits: as a file gives them; else the data set's own test split, if it has one.

    judge_labels: hold labels against a quick model, which takes seconds to minutes. further: faults found elsewhere.

    Raises UsageError for a waiver of something that cannot be waived.
    """
    tell(Progress("check", note="holding the cases against each other"))
    dataset = looked.dataset
    is_given = splits is not None or any(case.split == "test" for case in dataset.cases)
    cohort = Cohort(dataset=dataset, facts=looked.checks.facts, splits=splits, is_given=is_given)
    alike = [] if splits is None else alike_without(dataset, splits.test, looked.checks)
    found = survey(cohort, looked.glances, judge_labels=judge_labels)
    faults = waived(
        ranked([*looked.checks.faults, *found.faults, *alike, *further, *doubted_patients(dataset)]), waivers
    )
    checks = looked.checks.model_copy(update={"faults": tuple(faults)})
    return Looked(
        dataset=dataset,
        checks=checks,
        cohort=cohort,
        survey=found,
        waivers=tuple(waivers),
        excluded=looked.excluded,
    )


def alike_without(dataset: Dataset, apart: Sequence[str], checks: Checks) -> list[Fault]:
    """What is wrong with the targets that are left for learning where a splits file sets cases apart, and was not without."""
    names = set(apart)
    left = nothing_to_learn([case for case in dataset.train if case.id not in names], dataset.task)
    return [fault for fault in left if not any(fault.code == one.code for one in checks.errors)]


def write_looked(folder: Path, looked: Looked) -> None:
    """checks.json and inspect.html."""
    write_json(folder / CHECKS, looked.to_json())
    write_bytes(folder / PAGE, build(data_report(looked.cohort, looked.checks, looked.survey)).encode())


def raise_if_stopped(checks: Checks) -> None:
    """Raise for errors that stop a run, with a line for each of up to 20, and in the hint every way out.

    DatasetFaults if any of them cannot be waived, PolicyError if rules alone forbid the run.
    """
    errors = sorted(checks.errors, key=lambda fault: fault.policy)
    if not errors:
        return
    if not errors[0].policy:
        raise stopping(checks, errors, hint=ways_out(errors))
    raise PolicyError(
        "the data break a rule that keeps results honest",
        found=", ".join(dict.fromkeys(fault.code for fault in errors)),
        details=fault_lines(errors),
        hint=ways_out(errors),
    )


def content_digest(dataset: Dataset, checks: Checks) -> str:
    """One hash of every voxel and grid of every case, of its label or target, of whose it is and whether it is set apart."""
    cases = {case.id: _content(case, facts) for case in dataset.cases if (facts := checks.facts.get(case.id))}
    return sha256_bytes(canonical_json(cases))


def _content(case: Case, facts: CaseFacts) -> dict[str, Any]:
    content = {
        "images": list(facts.image_hashes),
        "grids": facts.grid_hash,
        "label": facts.label_hash,
        "patient": case.patient,
        "split": case.split,
    }
    return content if case.target is None else content | {"target": case.target.model_dump(mode="json")}
