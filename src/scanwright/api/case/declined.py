"""A scan that was declined under `--strict`: what is kept of it, in place of an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanwright.api.case.in_range import OutOfRange, RangeCheck
from scanwright.api.case.opened import Model
from scanwright.api.case.study_report import StudyOptions, write_declined
from scanwright.dataset.cases import Case
from scanwright.errors import PolicyError
from scanwright.io.source import Source, place_of

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Declined:
    """A scan without an answer, and why. also: the pages that say so. package: that was asked."""

    case: str
    images: tuple[Source, ...]
    check: RangeCheck
    also: tuple[Path, ...]
    package: str
    error: OutOfRange

    def to_json(self) -> dict[str, Any]:
        """Its row in predictions.json: as of a `Prediction`, without an answer."""
        return {
            "case": self.case,
            "images": [str(place_of(image)) for image in self.images],
            **({"also": [str(path) for path in self.also]} if self.also else {}),
            "range": self.check.to_json(declined=True),
            "package": self.package,
            "notes": [str(doubt) for doubt in (*self.check.headline, *self.check.doubts)],
        }


def decline(model: Model, case: Case, error: OutOfRange, *, file: Path, report: StudyOptions | None) -> Declined:
    """Keep no answer of a case, and say why, on a page too if one is wanted. file: where its answer would lie."""
    also = () if report is None else write_declined(model, case, error.check.doubts, base=file, options=report)
    return Declined(case.id, case.images, error.check, also, model.package.digest, error)


def refusal(declined: Sequence[Declined], *, cases: int, folder: Path) -> PolicyError:
    """The error at the end of a command that has declined scans: of one scan its own, of several all of them."""
    if cases == 1:
        return declined[0].error
    lines = [f"{one.case}: {'; '.join(str(reason.doubt) for reason in one.check.reasons)}" for one in declined]
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    others = cases - len(declined)
    answered = f"The other {others} {'are' if others > 1 else 'is'} in {folder}. " if others else ""
    return PolicyError(
        f"{len(declined)} of {cases} scans are outside the range that this model was made for",
        details=[*lines[:SHOWN], *more],
        hint=f"{answered}Look at them. Without --strict they are answered, with a warning.",
    )
