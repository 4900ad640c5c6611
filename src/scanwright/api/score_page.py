"""The page of `evaluate`: how a package, or predictions of anybody, do on data that had no part in making them.

It is made of the parts of a run's report. What a run knows and an evaluation does not (folds, a plan, training) has no section;
what a package says of its own test stands beside what is found here.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from scanwright.api.case.opened import Model
from scanwright.api.case.packaged import num_folds
from scanwright.api.case.tested import CROSS_VALIDATION, scope_text
from scanwright.api.claims import listed
from scanwright.api.evaluated import Evaluated
from scanwright.api.run.explained import with_explanation
from scanwright.api.run.parts import (
    OF_PATIENTS,
    RESEARCH_USE,
    dataset_part,
    headline,
    kind_text,
    limits_of_data,
    limits_of_set,
    patients_text,
)
from scanwright.dataset.images import read_case_image
from scanwright.evaluation.boxes.detection_columns import class_measure
from scanwright.evaluation.intervals.independent import independent_difference
from scanwright.metric_lines import OF_FINDINGS
from scanwright.package.load import CHOSEN
from scanwright.problem.label_maps.lesions import FINDINGS
from scanwright.protocols import Listener, Progress
from scanwright.report.content import Headline, HeldPart, HeldRow, Provenance, ReportContent
from scanwright.report.notation import metric
from scanwright.report.page import build
from scanwright.report.results_content import CasePicture, Estimate, Fact, ResultSet, estimate
from scanwright.runtime import Machine
from scanwright.types import JSON

NEW_DATA = "New data"
NOTHING_CHOSEN = "Nothing was fitted or chosen on these cases here"
OWN = (
    ": what decides, thresholds and calibration, is the package\N{RIGHT SINGLE QUOTATION MARK}s own, and was chosen on the "
    "cases that it was tested on out of fold; should some of these be among them, scores are too good"
)
MOST_LEFT_OUT = 50
"""Cases that are listed with the reason why they were left out."""


def page_of(found: Evaluated, *, command: str, machine: Machine, tell: Listener) -> str:
    """report.html."""
    return build(report_content(found, command=command, machine=machine, tell=tell))


def report_content(found: Evaluated, *, command: str, machine: Machine, tell: Listener) -> ReportContent:
    """Everything the page says."""
    problem, overview = found.problem, found.overview
    return ReportContent(
        title=title(found),
        created=datetime.now(UTC),
        genre="evaluation",
        headline=headline(problem, NEW_DATA, found.summary, found.rows, scope=scope(found)),
        beside=tuple(headlines_of_package(found)),
        summary=tuple(summary_sentences(found)),
        wording=problem.wording,
        region_names=problem.parts,
        unit="mm" if overview is None else overview.unit,
        tolerance=found.summary.get("nsd_tolerance"),
        results=results(found),
        held=held_part(found),
        pictures=pictures(found, tell=tell),
        limits=tuple(sentence for sentence in limits(found) if sentence),
        dataset=None
        if overview is None
        else dataset_part(found.dataset, overview, faults=found.faults, excluded=left_out(found)),
        provenance=provenance(found, command=command, machine=machine),
    )


def title(found: Evaluated) -> str:
    """Who answered, on which data."""
    who = found.given.name if found.model is None else found.model.package.card["name"]
    return f"{who} on {found.data.name}"


def scope(found: Evaluated) -> str:
    """In words, what was judged."""
    if found.model is None:
        return "predictions that lay in a folder"
    models = len(found.model.package.models)
    together = f"its {models} models together" if models > 1 else "its one model"
    return f"cases whose files the package has not learned from, answered by {together}"


def headlines_of_package(found: Evaluated) -> Iterator[Headline]:
    """What the package's own test said of the same metric, each set of cases by itself."""
    primary = found.problem.primary
    for name, part in found.tested.items():
        if found.model is None or primary not in part["overall"]:
            continue
        folds = [int(fold) for fold in part["by_fold"]]
        yield Headline(
            metric=primary,
            estimate=estimate(part["overall"][primary]),
            num_cases=part["cases"],
            num_patients=part["patients"],
            scope="the package\N{RIGHT SINGLE QUOTATION MARK}s own test: "
            + scope_text(folds, total=num_folds(found.model.package, where=found.given)),
            name=f"Package, {name.lower()}",
            caveats=tuple(other_parts(found, part)),
        )


def other_parts(found: Evaluated, part: Mapping[str, JSON]) -> Iterator[str]:
    """That a set of cases of the package was judged by parts that these data have not."""
    more = [name for name in part["by_class"] if name not in found.problem.parts]
    if more:
        yield f"of these data {', '.join(more)} {'is' if len(more) == 1 else 'are'} not judged"


def summary_sentences(found: Evaluated) -> Iterator[str]:
    """What was judged, who answered, and that nothing was chosen."""
    if found.overview is not None:
        yield kind_text(found.problem, found.dataset.task, found.overview)
    yield who_answered(found)
    if found.learned:
        yield learned_text(found)
    yield patients_text(found.dataset)


def who_answered(found: Evaluated) -> str:
    """The package and its digest, or the folder, in a sentence."""
    if found.model is not None:
        package = found.model.package
        return (
            f"Answered by the package {package.card['name']} ({found.given.name}, SHA-256 {package.digest[:16]}…) as it is. "
            f"{NOTHING_CHOSEN}{'' if package.optional(CHOSEN) is None else OWN}."
        )
    answered_by = ", ".join(f"{digest[:16]}…" for digest in found.answered_by())
    who = f"predict noted the package {answered_by} beside them" if answered_by else "who made them is not known here"
    return f"The predictions lay in {found.given.name}; {who}. {NOTHING_CHOSEN}: judged is what the files tell."


def learned_text(found: Evaluated) -> str:
    """How many cases the model has learned from, and which, in a sentence."""
    total, number = len(found.looked.dataset.cases), len(found.learned)
    return (
        f"The model has learned from {number} of the {total} cases, by their voxels ({listed(found.learned)}): these are no "
        "test of it, and are left out."
    )


def same_patients_text(found: Evaluated) -> str:
    """That judged cases are of patients of whom the model knows others; "" where none is."""
    known = {case.patient for case in found.looked.dataset.cases if case.id in set(found.learned)}
    same = [name for name, case in found.cases.items() if case.patient in known]
    if not same:
        return ""
    return (
        f"{len(same)} of the judged cases ({listed(same)}) are of patients of whom the model has learned from other cases: "
        "scores may be too good."
    )


def results(found: Evaluated) -> tuple[ResultSet, ...]:
    """The judged cases in tables and curves."""
    answered = "Predicted by the package." if found.model is not None else "As the files of the folder tell."
    decided = "" if found.model is None else found.problem.how_decided(found.rows)
    return found.problem.results(
        NEW_DATA,
        found.summary,
        found.rows,
        facts=found.facts,
        unit="mm" if found.overview is None else found.overview.unit,
        note=" ".join(filter(None, (answered, decided, f"{NOTHING_CHOSEN}."))),
    )


def held_part(found: Evaluated) -> HeldPart | None:
    """Every measure that the package's own test and the new data share, of all together, and the headline's of each part,
    where the parts have values of their own: two classes share what ranks them.
    """
    names = tuple(found.tested)
    if not names:
        return None
    rows = [held_row(found, "", key) for key in found.summary["overall"] if metric(key).better != "none"]
    primary = class_measure(found.problem.primary)
    parts = [held_row(found, part, primary) for part in found.summary["by_class"]]
    rows += (
        parts if any(row.new.mean != found.summary["overall"][found.problem.primary]["mean"] for row in parts) else []
    )
    rows += [held_row(found, FINDINGS, key) for key in OF_FINDINGS if FINDINGS in found.summary]
    kept = tuple(row for row in rows if any(one is not None for one in row.known))
    return HeldPart(names=names, rows=kept) if kept else None


def held_row(found: Evaluated, part: str, key: str) -> HeldRow:
    """One measure. part: a region, class or quantity, or FINDINGS, one by one; "" of all together."""
    new = estimate_in(found.summary, part, key) or Estimate(mean=None)
    known = tuple(estimate_in(block, part, key) for block in found.tested.values())
    return HeldRow(part=part, metric=key, new=new, known=known, differences=tuple(less(new, one) for one in known))


def estimate_in(block: Mapping[str, JSON], part: str, key: str) -> Estimate | None:
    """A measure of a part of metrics.json, None where it is not there."""
    measures = block["overall"] if not part else block["by_class"].get(part, {})
    if part == FINDINGS and FINDINGS in block:
        measures = block[FINDINGS]["overall"]
    return estimate(measures[key]) if key in measures else None


def less(new: Estimate, known: Estimate | None) -> Estimate | None:
    """New less known, with an interval where both have one."""
    if known is None or new.mean is None or known.mean is None:
        return None
    apart = new.mean - known.mean
    if new.low is None or new.high is None or known.low is None or known.high is None:
        return Estimate(mean=apart)
    low, high = independent_difference(new.mean, (new.low, new.high), known.mean, (known.low, known.high))
    return Estimate(mean=apart, low=low, high=high)


def pictures(found: Evaluated, *, tell: Listener) -> tuple[CasePicture, ...]:
    """The best, the median and the worst of the cases whose images are at hand, each with what its answer rests on."""
    drawn = found.problem.pictures(
        [row for row in found.rows if row.case in found.facts],
        case_of=found.cases.__getitem__,
        answer_of=lambda name: found.problem.read(found.files[name]),
    )
    shown = []
    for done, one in enumerate(drawn, start=1):
        shown.append(one if found.model is None else explained(found, found.model, one))
        tell(Progress("report", done=done, total=len(drawn)))
    return tuple(shown)


def explained(found: Evaluated, model: Model, shown: CasePicture) -> CasePicture:
    """A case that is shown, with what the package's answer to it rests on, where that can be drawn."""
    if not model.problem.sees_whole:
        return shown
    image = read_case_image(found.cases[shown.case], found.dataset.task, outlined=model.engine.plan.reads_outlines)
    answer = model.problem.read(found.files[shown.case])
    explanation = model.problem.explain(model.engine, image, answer, narrow=True)
    return shown if explanation is None else with_explanation(shown, explanation)


def limits(found: Evaluated) -> Iterator[str]:
    """What the numbers do not say."""
    yield RESEARCH_USE
    yield from limits_of_set(found.problem, found.summary)
    if found.learned:
        yield learned_text(found)
        yield same_patients_text(found)
    elif found.model is not None and not found.model.learned_from:
        yield "The package does not say what it has learned from: whether these cases are among it is not known."
    if found.model is not None and found.model.learned_from and not found.model.taught_by.complete:
        yield (
            "The package's weights began from others that do not say what they had learned from: whether these cases are among "
            "it is not known."
        )
    if odd := [level for level in found.levels if level != "inside"]:
        yield (
            f"{odd.count('outside')} of {len(found.levels)} cases are outside the range that the package was made for, and "
            f"{odd.count('border')} on its border; they were answered and judged all the same (predictions.json says why)."
        )
    if found.model is None and found.learned:
        yield "Cases that predict noted as learned from are left out; of the others no more is known than that it did not."
    elif found.model is None:
        yield "Whether who made the predictions has learned from these cases is not known."
    elif CROSS_VALIDATION in found.tested and len(found.model.package.models) > 1:
        yield (
            "The package\N{RIGHT SINGLE QUOTATION MARK}s cross-validation judged each of its models alone; here they answer "
            "together, and the numbers may differ a little by that alone."
        )
    if stopping := [fault for fault in found.faults if fault.stops]:
        codes = ", ".join(dict.fromkeys(fault.code for fault in stopping))
        yield f"The data have faults that would stop a training ({codes}); they stand below and were judged all the same."
    for name in same_sets(found):
        yield (
            f"The numbers are those of the package\N{RIGHT SINGLE QUOTATION MARK}s own {name.lower()}: these seem to be the "
            "very cases that it was tested on, and their agreement says nothing of other data."
        )
    if nowhere := absent_parts(found):
        yield f"No case has {', '.join(nowhere)}: whether it is found where it is there is not known."
    if found.overview is not None:
        yield from limits_of_data(found.dataset, found.overview)
    yield OF_PATIENTS


def same_sets(found: Evaluated) -> list[str]:
    """The sets that the package was tested on which have as many cases, and the very numbers that these have."""
    keys, own = ("cases", "patients"), found.summary
    return [
        name
        for name, part in found.tested.items()
        if all(part[key] == own[key] for key in keys)
        and all(_is_same(value, own["overall"].get(key)) for key, value in part["overall"].items())
    ]


def _is_same(value: Mapping[str, JSON], other: Mapping[str, JSON] | None) -> bool:
    """Whether two estimates of metrics.json say the same, but for rounding."""
    one, two = value["mean"], None if other is None else other["mean"]
    return one == two if one is None or two is None else math.isclose(one, two, rel_tol=1e-6, abs_tol=1e-9)


def absent_parts(found: Evaluated) -> list[str]:
    """Regions, or classes of boxes, that are in none of the judged cases."""
    if found.overview is None:
        return []
    regions = [one.name for one in found.overview.regions if not one.present]
    return regions + [one.name for one in found.overview.boxes if not one.boxes]


def left_out(found: Evaluated) -> list[Fact]:
    """Cases that were not judged, with the reason; of many the first ones."""
    rows = [Fact(name=name, value="the model has learned from it") for name in found.learned[:MOST_LEFT_OUT]]
    more = len(found.learned) - MOST_LEFT_OUT
    return [*rows, Fact(name=f"{more} more", value="the same; metrics.json names all")] if more > 0 else rows


def provenance(found: Evaluated, *, command: str, machine: Machine) -> Provenance:
    """Who answered, which data, and how to get the same again."""
    data = found.summary["data"]
    return Provenance(
        command=command,
        facts=(
            *package_facts(found),
            Fact(name="Data set", value=f"{data['name']}, read as {data['layout']}"),
            Fact(name=f"Data (version of these {data['cases']} cases)", value=data["digest"]),
            Fact(name="Judged by", value=f"scanwright {version('scanwright')}"),
            Fact(name="Machine", value=f"{machine.device_name}, {machine.threads} cores; {machine.platform}"),
        ),
    )


def package_facts(found: Evaluated) -> Sequence[Fact]:
    """The package, or the folder of predictions."""
    if found.model is None:
        digests = found.answered_by() or ["not known"]
        return [
            Fact(name="Predictions", value=found.given.name),
            Fact(name="Answered by (SHA-256)", value=", ".join(digests)),
        ]
    package = found.summary["package"]
    return [
        Fact(name="Package", value=f"{package['name']} ({package['file']}), made by {package['created_by']}"),
        Fact(name="Package (SHA-256)", value=package["digest"]),
    ]
