"""What `evaluate` found, as a value: cases that were judged, who answered them, and what metrics.json says of both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from scanwright.api.case.opened import Model
from scanwright.api.case.tested import sets_tested
from scanwright.api.claims import RECORD
from scanwright.api.data.looking import Looked
from scanwright.dataset.cases import Case, Dataset, Fault
from scanwright.dataset.facts import CaseFacts, Fingerprint
from scanwright.dataset.fingerprint import fingerprint
from scanwright.errors import InputError
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.explanation.in_range import LEVELS, Level
from scanwright.files import read_json
from scanwright.package.load import CHOSEN
from scanwright.problem.certain import CERTAINTY
from scanwright.problem.classes.points import POINTS
from scanwright.problem.kind import Kind
from scanwright.types import JSON, Floats

OF_LEARNING = {"nothing-to-learn", "rare-region", "rare-class"}
"""Faults that forbid to learn from data, and not to judge by them."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """Cases that were judged. looked: all that were given, those among them that the model has learned from.

    data: the data set's path. given: the package, or the folder of predictions; model: None of a folder. problem: of the data
    set, as the package decides. files: of each case's answer. scores: metrics.json without what is said of package and data.
    learned: the cases that were left out, as the model has learned from them. levels: of the judged ones, in the range of the
    package; () of a folder. told: what the package told of each case; {} of a folder.
    """

    looked: Looked
    data: Path
    given: Path
    model: Model | None
    problem: Kind
    rows: Sequence[JudgedCase]
    files: Mapping[str, Path]
    scores: Mapping[str, JSON]
    learned: Sequence[str]
    levels: Sequence[Level] = ()
    told: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)

    @cached_property
    def dataset(self) -> Dataset:
        """The judged cases alone."""
        return self.looked.dataset.without(self.learned)

    @cached_property
    def cases(self) -> dict[str, Case]:
        """The judged cases by their ids."""
        return {case.id: case for case in self.dataset.cases}

    @cached_property
    def facts(self) -> dict[str, CaseFacts]:
        """Those of the judged cases whose files could be read whole."""
        return {name: facts for name, facts in self.looked.checks.facts.items() if name in self.cases}

    @cached_property
    def overview(self) -> Fingerprint | None:
        """The same in numbers; None if there is none."""
        targets = {name: self.cases[name].target for name in self.facts}
        return fingerprint(self.facts, self.dataset.task, targets) if self.facts else None

    @property
    def faults(self) -> list[Fault]:
        """What the checks found of the data as data to judge by."""
        return [fault for fault in self.looked.checks.faults if fault.code not in OF_LEARNING]

    @cached_property
    def tested(self) -> dict[str, Mapping[str, JSON]]:
        """What the package's own metrics.json says, by the sets of cases that it was tested on; {} where it says nothing."""
        metrics = None if self.model is None else self.model.package.metrics
        return {} if metrics is None else sets_tested(metrics)

    @cached_property
    def summary(self) -> dict[str, JSON]:
        """metrics.json."""
        package = None if self.model is None else self.model.package
        points = {} if package is None else self.problem.operating_at(self.rows, package.metrics or {})
        sure = {} if package is None else self.problem.certainty_on(self.rows, None, self._opinions(), told=self.told)
        return {
            **self.scores,
            **({POINTS: points} if points else {}),
            **({CERTAINTY: sure} if sure else {}),
            **({"learned_from": list(self.learned)} if self.learned else {}),
            **({"predictions": self._predictions()} if self.model is None else {"package": self._package(self.model)}),
            "data": self._data(),
        }

    def answered_by(self) -> list[str]:
        """SHA-256 of each package that answered into the folder, as far as `predict` has noted it there."""
        noted = self.given / RECORD
        if not noted.is_file():
            return []
        try:
            rows = read_json(noted)["predictions"].values()
            return sorted({row["package"] for row in rows if "package" in row})
        except (InputError, KeyError, TypeError, AttributeError):
            return []

    def _opinions(self) -> dict[str, Floats]:
        """What the package's answers are made of, of the cases that say it."""
        kept = {row.case: self.problem.opinions(self.files[row.case]) for row in self.rows}
        return {name: opinions for name, opinions in kept.items() if opinions is not None}

    def _predictions(self) -> dict[str, JSON]:
        return {"name": self.given.name, "answered_by": self.answered_by()}

    def _package(self, model: Model) -> dict[str, JSON]:
        package, primary = model.package, self.problem.primary
        return {
            "name": package.card["name"],
            "file": self.given.name,
            "digest": package.digest,
            "problem": package.problem,
            "created_by": package.source.manifest.created_by,
            "models": len(package.models),
            "chosen": package.optional(CHOSEN),
            "range": {level: self.levels.count(level) for level in LEVELS},
            "tested": {
                name: {"cases": part["cases"], "patients": part["patients"], primary: part["overall"].get(primary)}
                for name, part in self.tested.items()
            },
        }

    def _data(self) -> dict[str, JSON]:
        dataset, version = self.looked.dataset, self.looked.manifest
        return {
            "name": self.data.name,
            "layout": dataset.layout,
            "cases": len(dataset.cases),
            "patients": len({case.patient for case in dataset.cases}),
            "digest": version.digest,
        }
