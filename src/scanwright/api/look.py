"""The verbs `inspect` and `demo`: looking at data before anything is trained, and at an example of it all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanwright.api.claims import require_outside
from scanwright.api.data.gate import PAGE, look_at_all, look_at_cases, write_looked
from scanwright.api.make_model import Trained, train
from scanwright.api.run.splitting import given_splits, require_split_file
from scanwright.api.run.study import without
from scanwright.dataset import read as dataset_read
from scanwright.dataset.cases import Dataset
from scanwright.dataset.checks import Checks, by_code, condensed
from scanwright.dataset.facts import Fingerprint
from scanwright.dataset.fingerprint import fingerprint
from scanwright.dataset.layouts.dicom_listing import SeriesList, as_text
from scanwright.dataset.phantom.cohort import write_cohort
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Kind
from scanwright.gate.waive import parse_waiver, ways_out
from scanwright.plan.settings import Settings
from scanwright.protocols import Listener, Progress, silent
from scanwright.runtime import DeviceName, num_threads

SHOWN_ERRORS, SHOWN_OTHERS = 20, 3  # lines of one code in the terminal


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a data set is and what is wrong with it. `fingerprint` is null if no case could be read.

    checks: every fault, those of single cases and those of all of them together. survey: what was measured of all together.
    series: what a folder of DICOM holds; empty for any other data set. page: where inspect.html was written, if it was.
    """

    dataset: Dataset
    checks: Checks
    fingerprint: Fingerprint | None
    survey: dict[str, Any]
    series: SeriesList
    page: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        found = self.fingerprint
        return {
            "root": str(self.dataset.root),
            "layout": self.dataset.layout,
            "stated": self.dataset.stated,
            "task": self.dataset.task.model_dump(mode="json"),
            "cases": len(self.dataset.cases),
            "errors": len(self.checks.errors),
            "faults": [fault.model_dump(mode="json") for fault in self.checks.faults],
            "fingerprint": None if found is None else found.model_dump(mode="json"),
            "survey": self.survey,
            "page": None if self.page is None else str(self.page),
            **(self.series.to_json() if self.series.volumes else {}),
        }


def inspect(
    data: str | Path,
    *,
    out: str | Path | None = None,
    layout: str | None = None,
    task: Kind | None = None,
    exclude: Sequence[str] = (),
    split: str | Path | None = None,
    waive: Sequence[str] = (),
    quick: bool = False,
    tell: Listener = silent,
) -> Inspection:
    """Read a data set in whichever layout it is, check every voxel, and hold its cases against each other.

    Nothing is raised for a fault. out: a folder for inspect.html, the page about the data, and checks.json, the same for
    machines; without it nothing is written. task: what is wanted of it, instead of "kind" in scanwright.json. split: a splits
    file that is held against the cases as well. waive: "CODE=REASON" or "CODE:CASE=REASON", see `gate.waive`.
    quick: do not hold labels against a model trained for it, which takes most of the time.
    Raises InputError if the folder is missing, empty or not understood, or the split cannot be read; of DICOM `list_series`
    says even then what is there. UsageError for what is no waiver, or if `out` lies in the data set.
    """
    waivers = [parse_waiver(text) for text in waive]
    if out is not None:
        require_outside(Path(out), Path(data))
    require_split_file(None if split is None else Path(split))
    dataset = without(read_dataset(Path(data), layout, kind=task), exclude)
    looked = look_at_cases(dataset, jobs=num_threads(), excluded=exclude, judge_labels=not quick, tell=tell)
    given = given_splits(dataset, None if split is None else Path(split), exclude=exclude)
    looked = look_at_all(looked, splits=given, waivers=waivers, judge_labels=not quick, tell=tell)
    facts = {case.id: looked.checks.facts[case.id] for case in dataset.train if case.id in looked.checks.facts}
    found = fingerprint(facts, dataset.task) if facts else None
    if out is not None:
        write_looked(Path(out), looked)
    measured = {} if looked.survey is None else looked.survey.to_json()
    page = None if out is None else Path(out) / PAGE
    return Inspection(dataset, looked.checks, found, measured, list_series(data, layout=layout, task=task), page)


def list_series(data: str | Path, *, layout: str | None = None, task: Kind | None = None) -> SeriesList:
    """What a folder of DICOM holds, volume by volume, labelled or not, and what was left out; nothing for other data sets.

    Raises InputError if the folder is missing, empty or not understood.
    """
    return dataset_read.list_series(Path(data), layout, kind=task)


def fault_lines(checks: Checks) -> list[str]:
    """The findings as a terminal shows them: by severity and code as on the page, of each the first few."""
    lines = []
    for (severity, code), faults in by_code(checks.faults).items():
        told = condensed(faults)
        shown = SHOWN_ERRORS if severity == "error" else SHOWN_OTHERS
        lines += [fault.line() for fault in told[:shown]]
        if len(told) > shown:
            lines.append(f"{severity} {code} {len(told) - shown} more such findings: see the page (--out) or --json")
    return lines


def ways_lines(checks: Checks) -> list[str]:
    """What would let a run begin: every way out of each code that stops it; nothing where none does."""
    return [ways_out(checks.errors)] if checks.errors else []


def told_summary(checks: Checks) -> str:
    """How many findings of each severity, those that say the same of different cases counted as one."""
    return checks.model_copy(update={"faults": tuple(condensed(checks.faults))}).summary()


def doubt_lines(survey: Mapping[str, Any]) -> list[str]:
    """That the quick model is too weak to doubt a label by, where it is: silence would read as praise of the labels."""
    found = survey.get("suspicious") or {}
    if found.get("quality") is None or found["enough"]:
        return []
    measured = f"{found['measure']} {found['quality']:.2f} over {found['judged']} cases"
    return [f"labels   not doubted: the quick model is too weak for that ({measured})"]


def series_text(series: SeriesList) -> list[str]:
    """What a folder of DICOM holds, as aligned lines."""
    return list(as_text(series))


DEMO_SUBJECTS = 20
DEMO_BUDGET_S = 150.0


def make_phantom(folder: str | Path, *, subjects: int = DEMO_SUBJECTS, seed: int = 0, tell: Listener = silent) -> Path:
    """Write the embedded example, generated MR scans (T1 and T2) with labels; gives its folder. What is there is kept."""
    tell(Progress("phantom", note=f"drawing {subjects} subjects"))
    write_cohort(Path(folder), modality="mr", channels=2, subjects=subjects, seed=seed)
    return Path(folder)


def demo(
    out: str | Path, *, budget_s: float = DEMO_BUDGET_S, device: DeviceName = "auto", tell: Listener = silent
) -> Trained:
    """Everything on generated scans: draw a cohort, train one fold, evaluate, report, package. `out` is the run folder.

    The scans lie beside it, in a folder of the same name with "-data".
    """
    folder = Path(out).absolute()
    data = make_phantom(folder.with_name(f"{folder.name}-data"), tell=tell)
    settings = Settings(budget_s=budget_s, fold=0)
    return train(data, out=folder, settings=settings, device=device, tell=tell)
