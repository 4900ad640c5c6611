"""Methods: what is done with answers after the model, and how far they are trusted. Every value is read from metrics.json."""

from collections.abc import Iterator, Mapping

from scanwright.report.methods_words import CALIBRATED, SETS
from scanwright.report.told import Records


def postprocessing(records: Records) -> Iterator[str]:
    """Label maps after the network."""
    chosen = records["metrics"].get("chosen") or {}
    if "postprocess" in chosen:
        yield (
            "Steps of post-processing were tried on out-of-fold label maps, and kept where the interval of what they gained "
            "lay above zero on the cases that they were chosen on, and on those of other patients; each case was judged with "
            "the steps that the other folds chose."
        )
        yield (
            "Number of steps kept: {metrics:chosen.postprocess.steps|count}."
            if chosen["postprocess"]["steps"]
            else "No step was shown to gain anything, and none was kept."
        )
    if "voxels" in chosen:
        yield "Probabilities of voxels were calibrated by temperature [@guo2017], by region, where that helped on other folds."


def trust(records: Records) -> Iterator[str]:
    """Calibration, thresholds, conformal sets and intervals, declined answers, and images out of range."""
    metrics, plan = records["metrics"], records["plan"]
    calibration = (metrics.get("chosen") or {}).get("calibration")
    if isinstance(calibration, Mapping) and calibration.get("kind"):
        yield CALIBRATED.get(
            calibration["kind"], "Probabilities were calibrated on the other folds ({metrics:chosen.calibration.kind})."
        )
    if plan["inference"]["decide"] == "youden":
        yield "The threshold was chosen by Youden’s index [@youden1950] on the other folds."
    elif plan["inference"]["decide"] != "probable":
        yield "The threshold was chosen on the other folds for a {plan:inference.decide} of {plan:inference.decide_at}."
    certainty = metrics.get("certainty") or {}
    if "sets" in certainty:
        yield SETS[plan["inference"]["sets"]]
        yield "A share of {metrics:certainty.sets.coverage.mean|.3f} of held-out cases had the truth in their set."
    for name, found in (certainty.get("by_quantity") or {}).items():
        if "intervals" in found:
            at = f"metrics:certainty.by_quantity.{name}.intervals"
            yield (
                f"Intervals of {name} that are to hold the truth in {{{at}.stated}} of cases were set by out-of-fold residuals "
                f"[@barber2021]; {{{at}.coverage.mean|.3f}} of held-out cases lay in theirs."
            )
    yield (
        "Answers less sure than a limit chosen out of fold, for an error of {metrics:certainty.declined.risk} among the "
        "others, were declined: {metrics:certainty.declined.declined} of held-out cases."
    )
    yield (
        "Images unlike those of training were told by grey values, voxel size, field of view, texture and the distance of the "
        "network’s features [@lee2018], with limits set on held-out cases (conformal quantiles [@vovk2005] where these were "
        "many enough); of {metrics:range.cases} held-out cases, which the model was made for, a share of "
        "{metrics:range.declined.share|.3f} would have been declined."
    )
