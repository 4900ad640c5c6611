"""What a package was tested on and how that went, from its metrics.json: as numbers, and what there is to doubt for it."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanwright.doubt import Doubt
from scanwright.evaluation.numbers.unexplained import unexplained
from scanwright.report.model_facts import FoundInTest, How, HowTested, ImagesTold, Interval, ModelFacts

HOW: tuple[How, How, How] = ("apart", "fold", "folds")
"""By the number of folds: none, one, several."""
FINDINGS, OBJECTS = Doubt("findings", "findings"), Doubt("objects", "objects")
"""What a model looks for."""

CROSS_VALIDATION, TEST_SPLIT = "Cross-validation", "Test split"


def on_what_tested(
    metrics: Mapping[str, Any], *, findings: bool = True, of: Sequence[str] = ()
) -> tuple[HowTested, ...]:
    """What metrics.json says of cases set apart, and of those of the folds; () of none.

    findings: whether with how well these were found. of: the regions or classes that are spoken of alone; all of them if empty.
    """
    metric = metrics.get("primary", "")
    of_images, of_numbers = (metrics.get("problem") == kind for kind in ("anomaly", "regression"))
    return tuple(
        HowTested(
            how=HOW[min(2, len(part["by_fold"]))],
            cases=part["cases"],
            patients=part["patients"],
            metric=metric,
            value=(told := _headline(part, metric, of))["mean"],
            interval=_interval(told),
            findings=found_in(part) if findings else None,
            images=images_in(part) if of_images else None,
            unexplained=unexplained(part["by_class"]) if of_numbers else (),
        )
        for part in _parts(metrics)
    )


def _headline(part: Mapping[str, Any], metric: str, of: Sequence[str]) -> Mapping[str, Any]:
    """The headline of a part, over all its classes as it stands there; over some of them their mean, without an interval."""
    classes = part.get("by_class", {})
    if not of or set(of) == set(classes):
        return part["overall"].get(metric) or {"mean": None, "ci95": None}
    known = [classes[name][metric] for name in of if metric in classes.get(name, {})]
    if len(known) == 1:
        return dict(known[0])
    means = [one["mean"] for one in known if one["mean"] is not None]
    return {"mean": statistics.fmean(means) if means else None, "ci95": None}


def found_in(part: Mapping[str, Any]) -> FoundInTest | None:
    """How well findings, or boxes, were found; None of what looks for none, or says not which are told.

    part: of metrics.json.
    """
    found = part["findings"]["overall"] if "findings" in part else None
    return _of_boxes(part) if found is None else _of_findings(found)


def images_in(part: Mapping[str, Any]) -> ImagesTold:
    """How whole images were told by a model of what is normal. part: of metrics.json."""
    sensitivity, specificity = part["overall"]["sensitivity"], part["overall"]["specificity"]
    return ImagesTold(
        abnormal=sensitivity["n_defined"],
        told_abnormal=round(sensitivity["n_defined"] * (sensitivity["mean"] or 0)),
        normal=specificity["n_defined"],
        told_normal=round(specificity["n_defined"] * (specificity["mean"] or 0)),
        sensitivity=sensitivity["mean"],
        sensitivity_interval=_interval(sensitivity),
        specificity=specificity["mean"],
        specificity_interval=_interval(specificity),
    )


def doubts_of_tests(facts: ModelFacts) -> tuple[Doubt, ...]:
    """What there is to doubt for a model's tests: what it misses, what it marks falsely, and what they cannot have shown."""
    found, images = facts.found_in_test, facts.images_in_test
    of_findings = () if found is None else _about_findings(found, OBJECTS if facts.kind == "detection" else FINDINGS)
    of_numbers = _about_numbers(facts.tested_on[0].unexplained) if facts.tested_on else ()
    return (*(() if images is None else _about_images(images)), *of_findings, *of_numbers)


def _about_findings(found: FoundInTest, things: Doubt) -> Iterator[Doubt]:
    if not found.true:
        yield Doubt(
            "none-to-find",
            "no case that the model was tested on had any {things}: how many it misses is not known",
            things=things,
        )
    if found.misses_most:
        yield Doubt(
            "misses-most",
            "when it was tested, the model found {hits} of {true} true {things}: it misses most of them, and that nothing more "
            "is marked says next to nothing",
            hits=found.hits,
            true=found.true,
            things=things,
        )
    if found.marks_mostly_false:
        yield Doubt(
            "most-marks-false",
            "when it was tested, most of the model's marks were false: {false} of {marks}",
            false=found.false,
            marks=found.marks,
        )


def _about_images(images: ImagesTold) -> Iterator[Doubt]:
    if not images.abnormal:
        yield Doubt(
            "no-abnormal-tested",
            "the model was tested on {number} normal cases and on no abnormal one: what it misses is not known",
            number=images.normal,
        )
    if images.misses_most:
        yield Doubt(
            "misses-most-images",
            "of {abnormal} abnormal test images the model told {told} as abnormal: it misses most of them, and that an image "
            "is not above the limit says next to nothing",
            abnormal=images.abnormal,
            told=images.told_abnormal,
        )
    if images.alarms_mostly:
        yield Doubt(
            "most-images-alarmed",
            "of {normal} normal test images the model told {told} as abnormal: that an image is above the limit says next to "
            "nothing",
            normal=images.normal,
            told=images.normal - images.told_normal,
        )


def _about_numbers(names: Sequence[str]) -> Iterator[Doubt]:
    if names:
        yield Doubt(
            "no-better-than-mean",
            "when it was tested, the model's estimates of {names} were not shown to be any better than the mean of all cases",
            names=", ".join(names),
        )


def sets_tested(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Those parts by name, the cross-validation first."""
    return {CROSS_VALIDATION if part["by_fold"] else TEST_SPLIT: part for part in reversed(_parts(metrics))}


def scope_text(folds: Sequence[int], *, total: int) -> str:
    """In words, which held-out cases were judged by which models. folds: those that judged; () of a test split alone."""
    if not folds:
        return "test split"
    if len(folds) == total and total > 1:
        return f"{total} folds, each case judged by the model that never saw it"
    return f"fold {folds[0]} only" if len(folds) == 1 else f"folds {', '.join(map(str, folds))}"


def _parts(metrics: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part for part in (metrics.get("test"), metrics) if part and part["cases"]]


def _of_findings(overall: Mapping[str, Any]) -> FoundInTest | None:
    sensitivity, false = overall["lesion_sensitivity"], overall["false_lesions_per_case"]
    if false["mean"] is None:
        return None
    return FoundInTest(
        true=round(overall["true_lesions"]["mean"]),
        hits=round(overall["lesion_hits"]["mean"]),
        false=round(overall["false_lesions"]["mean"]),
        false_per_case=false["mean"],
        sensitivity=sensitivity["mean"],
        sensitivity_interval=_interval(sensitivity),
        false_interval=_interval(false),
    )


def _of_boxes(part: Mapping[str, Any]) -> FoundInTest | None:
    classes = [one for one in part.get("by_class", {}).values() if "true_boxes" in one]
    if not classes or any(one["hits"]["mean"] is None for one in classes):
        return None
    true, hits, false = (
        round(sum(one[name]["mean"] for one in classes)) for name in ("true_boxes", "hits", "false_positives")
    )
    return FoundInTest(
        true=true,
        hits=hits,
        false=false,
        false_per_case=false / part["cases"],
        sensitivity=hits / true if true else None,
        sensitivity_interval=_interval(classes[0]["sensitivity"]) if len(classes) == 1 else None,
    )


def _interval(value: Mapping[str, Any] | None) -> Interval | None:
    """The confidence interval of a value of metrics.json, where it has one."""
    reach = None if value is None else value["ci95"]
    return None if reach is None else (reach[0], reach[1])
