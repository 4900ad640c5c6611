"""The verb `data pseudo`: labels by a model for scans without any, kept only if training on them is seen to help.

The trial is of the procedure, and no case judges what has learned from it. For each fold of the labelled cases:

    without     a model learns from the fold's training cases
    labels      that model, which has not seen the validation cases, labels the scans; those it is sure of are taken
    with        a model learns from the training cases and these, as many steps
    judged      both on the validation cases

The differences of Dice, case by case, are one paired sample over all folds. Only if the lower end of the 95 % interval of their
mean, by patient, is above 0, the scans are labelled by the model that was given, and written with the labelled cases.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scanwright.api.case.opened import open_model
from scanwright.api.case.scans import asked_of
from scanwright.api.claims import require_outside
from scanwright.api.data.looking import Looked, look_through
from scanwright.api.grow import merge
from scanwright.api.make_model import train
from scanwright.api.pseudo_labels import NAME, label, readable
from scanwright.api.run.study import require_segmentation
from scanwright.dataset.cases import Case
from scanwright.dataset.checks import raise_if_errors
from scanwright.dataset.identities import source_names
from scanwright.dataset.merge import join_tasks
from scanwright.dataset.read import read_dataset
from scanwright.dataset.split import Fold, make_splits
from scanwright.errors import InputError, UsageError
from scanwright.evaluation.intervals.statistics import PairedDifference, paired_difference
from scanwright.files import read_json, require_writable, write_json
from scanwright.plan.settings import Settings
from scanwright.protocols import Listener, Progress, silent
from scanwright.runtime import DeviceName

ASKED = "asked.json"
LEAST = 0.9
"""Confidence (expected Dice) from which on a scan's labels are taken."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One validation case: Dice, meaned over regions, of the model without and with pseudo-labels; None if not defined."""

    case: str
    patient: str
    fold: int
    without: float | None
    with_: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pseudo:
    """What came of it. data: the data set that was written, None if the labels were not kept. why: in a sentence.

    difference: Dice with pseudo-labels less Dice without. confidence: of the given model in each scan (empty if it was not
    asked). taken: scans whose labels are in the data set. left_out: scans that were not tried, and why.
    """

    data: Path | None
    why: str
    difference: PairedDifference
    judged: tuple[Judged, ...]
    confidence: Mapping[str, float]
    taken: tuple[str, ...]
    left_out: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json` and pseudo.json."""
        return {
            "kept": self.data is not None,
            "why": self.why,
            "data": None if self.data is None else str(self.data),
            "difference": asdict(self.difference),
            "cases": [{"case": o.case, "fold": o.fold, "without": o.without, "with": o.with_} for o in self.judged],
            "confidence": dict(self.confidence),
            "taken": list(self.taken),
            "left_out": dict(self.left_out),
        }

    def lines(self) -> list[str]:
        """The same for people."""
        found = [f"{'kept' if self.data else 'not kept'}: {self.why}"]
        found += [f"{self.data}  with the labels of {len(self.taken)} scans"] if self.data else []
        return found + [f"left out {name}: {why}" for name, why in list(self.left_out.items())[:5]]


def pseudo(
    model: str | Path,
    scans: str | Path | Sequence[str | Path],
    *,
    labelled: str | Path,
    out: str | Path,
    steps: int,
    folds: int = 3,
    confidence: float = LEAST,
    same_patients: bool = False,
    seed: int = 0,
    device: DeviceName = "auto",
    tell: Listener = silent,
) -> Pseudo:
    """Label scans with a package, and keep the labels if a paired test on labelled cases gains from labels made so.

    scans: files or folders, as for `predict`. out: a folder; trial/ in it holds the trainings (two a fold, each continued
    where it stopped), pseudo.json the numbers, data/ the data set if the labels are kept. steps: of each training.
    confidence: the least expected Dice of a scan that is taken (see `inference.confidence`). same_patients: a scan that is
    called like a labelled patient is that patient's, and never learned from where the patient is judged.
    Raises UsageError if model and labelled cases do not ask the same, or the folder holds another trial; else what reading,
    training and writing raise.
    """
    folder = Path(out).absolute()
    require_outside(folder, Path(labelled))
    given = open_model(model, device=device)
    looked = look_through(labelled, tell=tell)
    require_segmentation(looked.dataset, verb="data pseudo")
    raise_if_errors(looked.checks)
    own = source_names([Path(labelled)])[0]
    join_tasks({own: looked.dataset.task, NAME: given.task}, {}, name="trial")
    paths = [Path(scans)] if isinstance(scans, str | Path) else [Path(scan) for scan in scans]
    cases, left_out = readable(asked_of(paths, given.task).cases, given, _known(looked))
    if not cases:
        raise InputError("no scan to label", found=f"{len(left_out)} that are labelled already or cannot be read")
    require_writable(folder)
    asked = {
        **{"model": given.package.digest, "labelled": looked.manifest.digest, "scans": [case.id for case in cases]},
        **{"steps": steps, "folds": folds, "confidence": confidence, "same_patients": same_patients, "seed": seed},
    }
    _require_same_trial(folder / ASKED, asked)
    splits = make_splits(looked.dataset.cases, folds=folds, seed=seed, facts=looked.checks.facts)
    judged: list[Judged] = []
    for number, fold in enumerate(splits.folds):
        tell(Progress("pseudo", note=f"fold {number} of {len(splits.folds)}"))
        trial = Trial(folder / "trial" / f"fold-{number}", Path(labelled), looked, fold, steps, seed, device)
        judged += trial.judge(cases, number, least=confidence, same_patients=same_patients, tell=tell)
    difference = paired_difference(
        [one.with_ for one in judged], [one.without for one in judged], [one.patient for one in judged], seed=seed
    )
    gained, why = verdict(difference)
    made = label(given, cases, folder / NAME, least=confidence, tell=tell) if gained else None
    if made is not None and not made.taken:
        made, why = None, f"{why}, but the model is not sure of any scan"
    data = folder / "data" if made is not None else None
    if made is not None and data is not None:
        merge([labelled, made.folder], out=data, same_patients=same_patients, tell=tell)
    done = Pseudo(
        data=data,
        why=why,
        difference=difference,
        judged=tuple(judged),
        confidence={} if made is None else made.confidence,
        taken=() if made is None else made.taken,
        left_out=left_out,
    )
    write_json(folder / "pseudo.json", done.to_json())
    return done


def _known(looked: Looked) -> dict[tuple[str, ...], str]:
    """Names of labelled cases by the hashes of their channels."""
    entries = looked.manifest.cases.items()
    return {entry.content.channels: name for name, entry in entries if entry.content is not None}


def _require_same_trial(file: Path, asked: Mapping[str, Any]) -> None:
    """Note what is asked for. Raises UsageError if the folder holds a trial of something else."""
    if file.is_file() and (before := read_json(file)) != asked:
        other = [name for name, value in asked.items() if not isinstance(before, dict) or before.get(name) != value]
        hint = "Choose another folder with -o."
        raise UsageError(
            "this folder holds another trial", where=file.parent, found=f"other {', '.join(other)}", hint=hint
        )
    write_json(file, asked)


def verdict(difference: PairedDifference) -> tuple[bool, str]:
    """Whether pseudo-labels help, and why, in words: the 95 % interval of the mean difference has to lie above 0."""
    if difference.mean is None or difference.ci95 is None:
        return False, f"{difference.n_patients} patients are too few for an interval of the difference"
    low, high = difference.ci95
    told = f"Dice changes by {difference.mean:+.4f} [{low:+.4f}, {high:+.4f}] in {difference.n} cases"
    if low > 0:
        return True, told
    return False, f"{told}: {'a loss' if high < 0 else 'no gain that can be told from chance'}"


@dataclass(frozen=True, slots=True)
class Trial:
    """One fold: both trainings, each in a folder of its own."""

    folder: Path
    labelled: Path
    looked: Looked
    fold: Fold
    steps: int
    seed: int
    device: DeviceName

    def judge(
        self, cases: Sequence[Case], number: int, *, least: float, same_patients: bool, tell: Listener
    ) -> list[Judged]:
        """The fold's validation cases, judged without and with pseudo-labels. Where no scan is sure enough, both are one."""
        without = self._scores(self.labelled, self.folder / "without", train_on=self.fold.train, tell=tell)
        teacher = open_model(self.folder / "without" / "model.swm", device=self.device)
        made = label(teacher, cases, self.folder / NAME, least=least, tell=tell)
        with_ = without
        if made.taken:
            data = self.folder / "data"
            merge(
                [self.labelled, made.folder],
                out=data,
                same_patients=same_patients,
                exclude=[f"{source_names([self.labelled])[0]}:{name}" for name in self._unused()],
                link=True,
                tell=tell,
            )
            with_ = self._scores(data, self.folder / "with", train_on=self._learned(data), tell=tell)
        patients = {case.id: case.patient for case in self.looked.dataset.cases}
        return [
            Judged(name, patients[name], number, without.get(name), with_.get(name)) for name in self.fold.validation
        ]

    def _unused(self) -> list[str]:
        """Labelled cases that are on neither side: a declared test split, and what belongs to its patients."""
        used = {*self.fold.train, *self.fold.validation}
        return [case.id for case in self.looked.dataset.cases if case.id not in used]

    def _learned(self, data: Path) -> list[str]:
        """What is learned from with pseudo-labels: the fold's training cases, and scans of no patient that is judged."""
        cases = read_dataset(data).cases
        judged = {case.patient for case in cases if case.id in self.fold.validation}
        own = {*self.fold.train, *self.fold.validation}
        return [*self.fold.train, *(case.id for case in cases if case.id not in own and case.patient not in judged)]

    def _scores(self, data: Path, run: Path, *, train_on: Sequence[str], tell: Listener) -> dict[str, float | None]:
        """Train on these cases and judge the fold's validation cases: Dice of each, meaned over regions."""
        split = run.with_name(f"{run.name}.json")
        write_json(split, [{"train": list(train_on), "val": list(self.fold.validation)}])
        cases = read_dataset(data).cases
        train(
            data,
            out=run,
            settings=Settings(steps=self.steps, fold=0, seed=self.seed),
            split=split,
            exclude=[case.id for case in cases if case.id not in {*train_on, *self.fold.validation}],
            device=self.device,
            tell=tell,
        )
        with (run / "cases.csv").open(encoding="utf-8", newline="") as stream:
            return {row["case"]: float(row["dice"]) if row["dice"] else None for row in csv.DictReader(stream)}
