"""What the report says of the images that a model was not made for: how they are told, and how often wrongly."""

from collections.abc import Mapping

from scanwright.api.run.in_range import RANGE, TESTS
from scanwright.report.content import RangePart, RangeRow
from scanwright.report.results_content import Estimate
from scanwright.types import JSON

CAN_BE_TOLD = 0.5
MEANS: Mapping[str, str] = {
    TESTS[0]: "grey values: constant, or on another scale",
    TESTS[1]: "voxel size and field of view",
    TESTS[2]: "looks: noise, texture, layout, what the network makes of it, turned",
}


def range_part(summary: Mapping[str, JSON]) -> RangePart | None:
    """The section, from metrics.json; None where nothing was looked at."""
    found = summary.get(RANGE)
    if found is None:
        return None
    return RangePart(
        cases=found["cases"],
        declined=_estimate(found["declined"], found["cases"]),
        warned=_estimate(found["warned"], found["cases"]),
        rows=tuple(
            RangeRow(name=MEANS.get(name, name), declined=row["declined"], warned=row["warned"])
            for name, row in found["by_test"].items()
        ),
        text=(_how(found), *filter(None, [_limits(found), turned_text(found["turned"])])),
    )


def _estimate(part: Mapping[str, JSON], cases: int) -> Estimate:
    low, high = part["ci95"] or (None, None)
    return Estimate(mean=part["share"], low=low, high=high, n=cases, n_defined=cases)


def _how(found: Mapping[str, JSON]) -> str:
    return (
        f"The package knows what its training images look like ({found['training_cases']} of them, as the model of fold "
        f"{found['folds'][0]} sees them), and holds every image that it is given against them. An image outside their range is "
        "answered with a warning that comes first, and not answered at all under --strict."
    )


def _limits(found: Mapping[str, JSON]) -> str:
    """How the limits on looks were set."""
    declined, warned = found["limits"]["declined"], found["limits"]["warned"]
    if declined["how"] == "unknown":
        return f"With {declined['cases']} held-out cases no limit on looks can be set: only grey values and sizes are judged."
    least, more = (_share(part["stated"]) for part in (declined, warned))
    told = f"at most {least} of images like them are declined, at most {more} warned of"
    few = ""
    if declined["how"] == "few cases":
        few = " These are few: the limit lies beyond the largest of them, or where a normal distribution foretells one more."
    return f"The limits on looks were set by {declined['cases']} held-out cases: {told}.{few}"


def turned_text(turned: Mapping[str, float]) -> str:
    """Whether images that lie otherwise are recognised, in a sentence; "" where nothing can turn."""
    if not turned:
        return ""
    told = ", ".join(
        f"{name} {_share(share)}" + ("" if share >= CAN_BE_TOLD else " (this can hardly be told here)")
        for name, share in turned.items()
    )
    return f"Of held-out images that were turned round, so many are told as turned just so: {told}."


def _share(share: float) -> str:
    return f"{100 * share:.3g} %"
