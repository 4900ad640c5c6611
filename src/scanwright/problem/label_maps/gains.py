"""What is done with a label map after the network, and what it gained, as the report of a run tells it: tables and figures."""

from collections.abc import Iterator, Mapping, Sequence

from scanwright.evaluation.certainty.mask_quality import LEVEL
from scanwright.evaluation.label_maps.evaluate import CaseRow
from scanwright.figures.agreement import scatter_plot
from scanwright.figures.plots import Pairs
from scanwright.figures.probability import Bin, reliability_plot
from scanwright.inference.evidence import NEAR
from scanwright.inference.postprocess import Step
from scanwright.problem.agreement import MOST_QUANTITIES
from scanwright.problem.certain import CERTAINTY
from scanwright.problem.label_maps.after import CONFIDENCE, EXPECTED, MASKS, POSTPROCESS, VOXELS, After, step_of
from scanwright.problem.label_maps.kept import KeptRow
from scanwright.report.notation import number
from scanwright.report.results_content import Estimate, Figure, RegionRow, ResultSet, estimate, estimates
from scanwright.types import JSON, Unit

CHOSEN = "chosen"
RULE = (
    "A step gains for a region where the interval of what it gains, in Dice or in the F1 of findings, lies above 0 and the "
    "other is not shown to fall. A region keeps its steps if they gain as well where they are chosen on four fifths of the "
    "patients and applied to the rest."
)
CROSS_FITTED = (
    "Each case was judged with the steps that the other folds chose; differences are from the network's own answers."
)
TRIED = (
    "What each step gained on the cases that it was chosen on; of several that gain the best was tried further, with what "
    "gained on top of it. These numbers are too good, as a step may gain by chance; those above are not."
)

EQUALITY = "Expected against true Dice, a dot for each case, and the line of equality."


def step_text(step: Step, *, unit: str) -> str:
    """A step in words. unit: of sizes.

    >>> step_text(Step(region="lung", action="least", least=0.25), unit="ml")
    'parts under 0.25 ml taken away'
    """
    return {
        "fill": "holes filled",
        "touch": "parts that touch no anatomy taken away",
        "least": f"parts under {step.least:g} {unit} taken away",
        "largest": "only the largest part kept",
    }[step.action]


def steps_text(steps: Sequence[Step], *, unit: str) -> str:
    """Steps in a sentence, by region; that nothing is done, where there are none."""
    by_region: dict[str, list[str]] = {}
    for step in steps:
        by_region.setdefault(step.region, []).append(step_text(step, unit=unit))
    told = "; ".join(f"{region}: {', '.join(texts)}" for region, texts in by_region.items())
    return f"After the network: {told}." if told else "Nothing is done after the network."


def how_decided(after: After, *, unit: str) -> str:
    """The same of answers that were so decided; "" where nothing is done."""
    return steps_text(after.steps, unit=unit) if after.steps else ""


def gain_results(summary: Mapping[str, JSON], rows: Sequence[CaseRow], *, unit: Unit) -> tuple[ResultSet, ...]:
    """What was chosen on out-of-fold answers and what it is worth; () where the summary tells of none.

    summary: of metrics.json, as a whole. unit: of the images.
    """
    chosen = summary.get(CHOSEN) or {}
    made = [
        *_of_steps(chosen.get(POSTPROCESS), unit="ml" if unit == "mm" else "px"),
        *_of_voxels(chosen.get(VOXELS)),
        *_of_quality((chosen.get(CONFIDENCE) or {}).get(MASKS), rows),
    ]
    return tuple(made)


def _of_steps(data: Mapping[str, JSON] | None, *, unit: str) -> Iterator[ResultSet]:
    if not data:
        return
    steps = [step_of(one) for one in data["steps"]]
    yield ResultSet(
        name="What is done after the network, and what it gained",
        overall=estimates(data["gain"]["overall"]),
        regions=tuple(RegionRow(region=name, metrics=estimates(one)) for name, one in data["gain"]["by_class"].items()),
        note=f"{steps_text(steps, unit=unit)} {_agreed(data, len(steps))}{RULE} {CROSS_FITTED}",
    )
    measures = ("dice_gain", "lesion_f1_gain")
    yield ResultSet(
        name="Steps that were tried",
        overall={},
        regions=tuple(
            RegionRow(
                region=f"{one['region']}: {step_text(step_of(one), unit=unit)}{' (taken)' if one['taken'] else ''}",
                metrics=estimates({name: one[name] for name in measures if name in one}),
            )
            for one in _telling(data["tried"])
        ),
        note=f"{TRIED} {_not_held(data)}".strip(),
        of_each_case=False,
    )


def _telling(tried: Sequence[JSON]) -> list[Mapping[str, JSON]]:
    """The steps that were tried; of several least sizes of a region, where none was taken, the best."""
    best: dict[tuple[str, str], float] = {}
    for one in tried:
        key = one["region"], one["action"]
        best[key] = max(best.get(key, -2.0), one["taken"] * 2 + one["dice_gain"]["mean"])
    return [one for one in tried if one["taken"] * 2 + one["dice_gain"]["mean"] == best[one["region"], one["action"]]]


def _not_held(data: Mapping[str, JSON]) -> str:
    """Which regions had steps that seemed to gain, and did not where they had no say."""
    taken = {one["region"] for one in data["tried"] if one["taken"]}
    lost = [name for name in data["held"] if name not in taken]
    return f"Of {', '.join(lost)} some step seemed to gain, and did not where it had no say." if lost else ""


def _agreed(data: Mapping[str, JSON], number_of_steps: int) -> str:
    """In how many folds the same was chosen."""
    folds = list(data["by_fold"].values())
    same = sum(_names(steps) == _names(data["steps"]) for steps in folds)
    what = "The same steps" if number_of_steps else "No step"
    return f"{what} {'were' if number_of_steps else 'was'} chosen in {same} of {len(folds)} folds. "


def _names(steps: Sequence[Mapping[str, JSON]]) -> set[tuple[str, str]]:
    return {(one["region"], one["action"]) for one in steps}


def _of_voxels(data: Mapping[str, JSON] | None) -> Iterator[ResultSet]:
    if not data:
        return
    yield ResultSet(
        name="Whether the probabilities of voxels hold",
        overall={},
        regions=tuple(RegionRow(region=name, metrics=_voxel_measures(one)) for name, one in data.items()),
        note=(
            f"Of voxels near a region, to which the network gives {NEAR:.0%} and more: as many are drawn from each case, and "
            "each is judged with the temperature of the other folds. A temperature is used where the log loss of cases falls "
            f"by it, its interval above 0: {_used(data)}. It changes no outline, but how sure the model is said to be of a "
            "finding."
        ),
        of_each_case=False,
        figures=tuple(_curves(data)),
    )


def _voxel_measures(one: Mapping[str, JSON]) -> dict[str, Estimate]:
    n = one["cases"]
    plain = {"ece_before": one["ece"]["before"], "ece": one["ece"]["after"], "temperature": 1 / one["fitted"]}
    found = {name: Estimate(mean=value, n=n, n_defined=n) for name, value in plain.items()}
    return found | {"log_loss_fall": estimate(one["log_loss_fall"])}


def _used(data: Mapping[str, JSON]) -> str:
    names = [name for name, one in data.items() if one["slope"] != 1]
    return f"so for {', '.join(names)}" if names else "nowhere here"


def _curves(data: Mapping[str, JSON]) -> Iterator[Figure]:
    panels: list[bytes] = []
    for name, one in list(data.items())[:MOST_QUANTITIES]:
        for when in ("before", "after"):
            bins = [
                Bin(
                    predicted=each["predicted"],
                    observed=each["observed"],
                    low=each["ci95"][0] if each["ci95"] else None,
                    high=each["ci95"][1] if each["ci95"] else None,
                    title=f"{each['voxels']} voxels: given {each['predicted']:.2f}, were {each['observed']:.2f}",
                )
                for each in one["curves"][when]
            ]
            panels.append(
                reliability_plot(
                    bins,
                    one["counts"][when],
                    x_label=f"{name}: probability {when}",
                    y_label="share that belongs to it",
                    count_label="voxels",
                )
            )
    yield Figure(
        panels=tuple(panels),
        caption="Of the voxels given about 0.8, do 80 % belong to the region? Before and after calibration, each voxel by the "
        "temperature of the other folds. Intervals are by patient; bars count voxels.",
    )


def _of_quality(data: Mapping[str, JSON] | None, rows: Sequence[CaseRow]) -> Iterator[ResultSet]:
    if not data:
        return
    measured = data["measured"]
    agreed = ("pearson_agreement",) if measured["overall"]["pearson_agreement"]["mean"] is not None else ()
    names = ("pearson", "spearman", "mae", "pearson_alone", *agreed, "coverage")

    def measures(block: Mapping[str, JSON]) -> dict[str, Estimate]:
        return estimates({name: block[name] for name in names})

    low = data["low"]
    flagged = "" if low is None else f" Below {number(low)}, where the worst 5 % lay, an answer is marked as doubtful."
    if not data["lines"]:
        flagged = " The correlation is not shown to be above 0, so that none is told of an answer."
    elif data["slack"] is None:
        flagged += " The bound did not hold for as many, so that none is told."
    yield ResultSet(
        name="How good a mask is expected to be",
        overall=measures(measured["overall"]),
        regions=tuple(RegionRow(region=name, metrics=measures(one)) for name, one in measured["by_class"].items()),
        note=(
            "Without a truth, the Dice of a mask is predicted from what its probabilities expect, the bits of doubt at its "
            "border and how usual its size is, by a line that is fitted on the other folds; beside it, what the probabilities "
            "alone tell. Correlations are within folds: whether the cases of one model are told apart. Coverage: the share of "
            f"cases that are not below their bound, which {LEVEL:.0%} are to be.{flagged}"
        ),
        of_each_case=False,
        figures=tuple(_scatter(rows, list(measured["by_class"]))),
    )


def told_results(summary: Mapping[str, JSON]) -> Iterator[ResultSet]:
    """What the package told of the masks of new cases, beside the truth; nothing where it told nothing."""
    found = summary.get(CERTAINTY, {}).get(EXPECTED)
    if not found:
        return
    cases = found["cases"]
    pairs = Pairs(
        name="mean over regions",
        reference=[one["true"] for one in cases.values()],
        predicted=[one["expected"] for one in cases.values()],
        titles=[f"{case}: true {one['true']:.3f}, expected {one['expected']:.3f}" for case, one in cases.items()],
    )
    plot = scatter_plot(pairs, x_label="true Dice", y_label="expected Dice")
    yield ResultSet(
        name="How good the masks were expected to be",
        overall=estimates(found["overall"]),
        regions=tuple(RegionRow(region=name, metrics=estimates(one)) for name, one in found["by_class"].items()),
        note=(
            "The Dice that the package told of each answer, without its truth, beside the true one. Nothing of it was fitted "
            f"here. Coverage: the share of cases that are not below the bound that was told, which {LEVEL:.0%} are to be."
        ),
        of_each_case=False,
        figures=(Figure(panels=(plot,), caption=EQUALITY),),
    )


def _scatter(rows: Sequence[CaseRow], names: Sequence[str]) -> Iterator[Figure]:
    panels = []
    for name in names[:MOST_QUANTITIES]:
        known = [
            (row.case, dice, row.expected[name])
            for row in rows
            if isinstance(row, KeptRow) and name in row.expected
            for dice in [row.metrics[name]["dice"]]
            if dice is not None
        ]
        if not known:
            continue
        pairs = Pairs(
            name=name,
            reference=[true for _, true, _ in known],
            predicted=[told for *_, told in known],
            titles=[f"{case}: true {true:.3f}, expected {told:.3f}" for case, true, told in known],
        )
        panels.append(scatter_plot(pairs, x_label=f"{name}: true Dice", y_label="expected Dice"))
    if panels:
        yield Figure(panels=tuple(panels), caption=EQUALITY)
