"""What a package was tested on and how that went, from its metrics.json, as texts for the report of a study."""

from collections.abc import Mapping, Sequence
from typing import Any

from scanwright.doubt import Doubt
from scanwright.report.notation import number

CROSS_VALIDATION, TEST_SPLIT = "Cross-validation", "Test split"


def on_what_tested(metrics: Mapping[str, Any], *, findings: bool = True) -> tuple[dict[str, str], ...]:
    """What metrics.json says of cases set apart, and of those of the folds, as `ModelFacts` has it; () of none.

    findings: whether with how well these were found.
    """
    return tuple(
        {
            "how": ("apart", "fold", "folds")[min(2, len(part["by_fold"]))],
            "cases": str(part["cases"]),
            "patients": str(part["patients"]),
            **headline_text(metrics["primary"], part["overall"].get(metrics["primary"])),
            **(found_text(part) if findings else {}),
        }
        for part in _parts(metrics)
    )


def headline_text(metric: str, value: Mapping[str, Any] | None) -> dict[str, str]:
    """A metric of metrics.json with its interval, as text; its name under "undefined" where the cases do not define it.

    >>> headline_text("auroc", {"mean": None, "ci95": None})
    {'undefined': 'auroc'}
    """
    if value is None or value["mean"] is None:
        return {"undefined": metric}
    return {"metric": metric} | _estimate("value", "interval", value, digits=3)


def found_text(part: Mapping[str, Any]) -> dict[str, str]:
    """How well findings, or boxes, were found: true, hits, sensitivity and false (in the mean case), with their intervals
    as sensitivity_interval and false_interval, where there are any; {} of what looks for none, or says not which are told.

    part: of metrics.json. Without a true finding: true "0", and no sensitivity.
    """
    found = part["findings"]["overall"] if "findings" in part else None
    return _of_boxes(part) if found is None else _of_findings(found)


def never_saw_abnormal(metrics: Mapping[str, Any]) -> tuple[Doubt, ...]:
    """That no abnormal case was among those that a model of what is normal was tested on, if so."""
    parts = _parts(metrics)
    if not parts or any(part["overall"]["sensitivity"]["mean"] is not None for part in parts):
        return ()
    cases = max(int(part["cases"]) for part in parts)
    return (
        Doubt(
            "no-abnormal-tested",
            "the model was tested on {number} normal cases and on no abnormal one: what it misses is not known",
            number=cases,
        ),
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


def _of_findings(overall: Mapping[str, Any]) -> dict[str, str]:
    sensitivity, false = overall["lesion_sensitivity"], overall["false_lesions_per_case"]
    if false["mean"] is None:
        return {}
    return {
        "true": str(round(overall["true_lesions"]["mean"])),
        "hits": str(round(overall["lesion_hits"]["mean"])),
        **_estimate("sensitivity", "sensitivity_interval", sensitivity, digits=3),
        **_estimate("false", "false_interval", false, digits=2),
    }


def _of_boxes(part: Mapping[str, Any]) -> dict[str, str]:
    classes = [one for one in part.get("by_class", {}).values() if "true_boxes" in one]
    if not classes or any(one["hits"]["mean"] is None for one in classes):
        return {}
    true, hits, false = (
        sum(one[name]["mean"] for one in classes) for name in ("true_boxes", "hits", "false_positives")
    )
    interval = classes[0]["sensitivity"]["ci95"] if len(classes) == 1 else None
    share = {"mean": hits / true if true else None, "ci95": interval}
    return {
        "true": str(round(true)),
        "hits": str(round(hits)),
        **_estimate("sensitivity", "sensitivity_interval", share, digits=3),
        "false": number(false / part["cases"], 2),
    }


def _estimate(name: str, interval: str, value: Mapping[str, Any], *, digits: int) -> dict[str, str]:
    """A mean under one name and its interval under another, as far as they are there."""
    if value["mean"] is None:
        return {}
    reach = value["ci95"]
    between = {} if reach is None else {interval: f"{number(reach[0], digits)}–{number(reach[1], digits)}"}
    return {name: number(value["mean"], digits)} | between
