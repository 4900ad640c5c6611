"""What a DICOM report says in words, for people: that it is for research, what the model was tested on and what that gives to
doubt, each reason to doubt the answer, changes since a prior study that are not coded, and which study
that is. In English, as its codes are.

A change is coded where it is known. What the other study does not show, what the border cuts and what voxels cannot tell is a
comment, and so is every change against a prior study that is in doubt itself (`Comparison.is_doubtful`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scanwright.api.case.coded_findings import called, is_coded
from scanwright.api.case.in_range import apart
from scanwright.api.case.prior_study import Comparison
from scanwright.api.case.tested import doubts_of_tests
from scanwright.findings.follow_up import FollowUp
from scanwright.report.model_facts import ModelFacts
from scanwright.report.notation import number
from scanwright.report.study import signed_percent
from scanwright.report.study_words import tested_text, things_of, words_of_study

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.sr import PriorStudy


@dataclass(frozen=True, slots=True)
class Remarks:
    """comments: texts on a report as a whole. prior: the study that findings are compared with; None for none, or no DICOM."""

    comments: tuple[str, ...] = ()
    prior: "PriorStudy | None" = None


NO_REMARKS = Remarks()


def remarks_on(
    facts: ModelFacts,
    doubts: Sequence[str],
    compared: Comparison | None,
    *,
    unit: str,
    regions_model: ModelFacts | None = None,
    decided: str = "",
) -> Remarks:
    """What is said of an answer. doubts: about the answer itself. unit: of lengths. regions_model: as of `StudyContent`.

    decided: what an image as a whole is told as; said of a model of what is normal, whose codes do not say it.
    """
    words, known = words_of_study("en"), compared or Comparison()
    limited = decided in words["results"] and facts.kind == "anomaly"
    of_range, others = apart(doubts)
    comments = (
        str(words["research"]),
        *map(str, of_range),
        *([f"{words['decision']}: {words['results'][decided]}. {words['score_note']}"] if limited else []),
        *map(str, doubts_of_tests(facts)),
        *(
            f"{words[role]} {one.name}, {tested_text(tested, things_of(one, words), words=words)}"
            for role, one in (("model", facts), ("regions_model", regions_model))
            if one is not None
            for tested in one.tested_on
        ),
        *map(str, (*known.mismatches, *others, *known.doubts)),
        *([str(words["rule"])] if known.changes else []),
        *uncoded(known, words, unit=unit),
    )
    return Remarks(comments, _prior(known))


def uncoded(compared: Comparison, words: Mapping[str, Any], *, unit: str) -> Iterator[str]:
    """The changes that have no code, or whose numbers are of several findings together, each in a sentence."""
    for one in compared.changes:
        if is_coded(one) and not one.has_several and not compared.is_doubtful:
            continue
        named = [called(row) for row in one.now] or [
            f"a {row.kind} of the prior study, {row.region or words['outside']}" for row in one.before
        ]
        doubtful = ", in doubt as the prior study is"
        yield (
            f"{words['comma'].join(named)}, against the prior study: {words['changes'][one.change]}"
            f"{_numbers(one, words, unit)}{doubtful if compared.is_doubtful else ''}"
        )


def _numbers(one: FollowUp, words: Mapping[str, Any], unit: str) -> str:
    if not one.before:
        return ""
    least = "≥ " if any(row.cut for row in one.before) else ""
    before = f"{words['before']} {least}{' + '.join(number(row.longest, 1) for row in one.before)} {unit}"
    together = [f"{words['together']} {number(one.longest, 1)} {unit}"] if len(one.now) > 1 else []
    volume = [] if one.size_growth is None else [words["by_volume"].format(growth=signed_percent(one.size_growth))]
    length = [] if one.growth is None else [signed_percent(one.growth)]
    grown = [*length, *volume] if one.has_several else (length if length and not one.by_volume else volume)
    reach = (
        words["error_by_volume"].format(error=number(one.error, 1))
        if one.by_volume
        else f"± {number(one.error, 1)} {unit}"
    )
    error = [reach] if one.change == "within error" else []
    return f" ({', '.join([*together, *grown, *error, before])})"


def _prior(compared: Comparison) -> "PriorStudy | None":
    """The prior study, if it is DICOM and something was compared with it."""
    header = compared.header
    if compared.before is None or not header.text("StudyInstanceUID"):
        return None
    from scanwright.io.dicom.derived.sr import PriorStudy

    date = header.text("StudyDate") if header.study_date else ""
    return PriorStudy(header.text("StudyInstanceUID"), header.text("SeriesInstanceUID"), date)
