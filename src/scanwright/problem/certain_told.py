"""How sure answers are, as a report tells it: sentences, tables and figures from the part of metrics.json that
class_certainty.py and number_certainty.py make.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from scanwright.figures.palette import ACCENT
from scanwright.figures.plots import Line, line_plot
from scanwright.figures.probability import Bin, reliability_plot
from scanwright.problem.certain import CERTAINTY
from scanwright.report.certainty import CertaintyPart, Table
from scanwright.report.notation import NOT_DEFINED, digits_of, interval, metric, number
from scanwright.report.results_content import Estimate, Figure, estimate
from scanwright.types import JSON

FEW_GROUPS = 12
COUNT_BINS = 20
MEASURES = (("ece", "ECE"), ("rms_debiased", "RMS error"), ("brier", "Brier"), ("log_loss", "log loss"))


def certainty_part(summary: Mapping[str, JSON], *, units: Mapping[str, str] | None = None) -> CertaintyPart | None:
    """One set of cases as the page shows it; None where metrics.json says nothing. summary: its part of metrics.json. units: of
    quantities.
    """
    found = summary.get(CERTAINTY)
    if not found:
        return None
    if "by_quantity" in found:
        return _of_numbers(found["by_quantity"], units or {})
    sentences = [
        *_sets_text(found.get("sets")),
        *_less_text(found.get("sets")),
        *_finds_text(found["selective"]),
        *_declined_text(found.get("declined")),
    ]
    tables = [
        *_held_table(found.get("calibration")),
        *_coverage_table(found.get("sets")),
        *_surest_table(found["selective"]),
    ]
    return CertaintyPart(sentences=tuple(sentences), tables=tuple(tables))


def certainty_figures(summary: Mapping[str, JSON], *, asked: str) -> tuple[Figure, ...]:
    """The reliability curve before and after calibration, and the error of the surest answers. asked: of what
    probabilities are.
    """
    found = summary.get(CERTAINTY)
    if not found:
        return ()
    if "by_quantity" in found:
        curves = {name: one["selective"]["curve"] for name, one in found["by_quantity"].items() if "selective" in one}
        panels = tuple(_risk_panel(curve, f"{name}: mean absolute error") for name, curve in curves.items() if curve)
        return (Figure(panels=panels, caption=RISK),) if panels else ()
    made = []
    if block := found.get("calibration"):
        panels = tuple(
            _reliability_panel(block[side]["curve"], f"{asked}, {words}")
            for side, words in (("before", "as the model gives it"), ("after", "as it is told"))
            if block[side]["curve"]
        )
        made += [Figure(panels=panels, caption=HELD)] if panels else []
    if curve := found["selective"]["curve"]:
        made.append(Figure(panels=(_risk_panel(curve, "error of those answered"),), caption=RISK))
    return tuple(made)


HELD = (
    "Whether probabilities hold, before and after calibration: the share that came true over the mean probability, in bins of "
    "equal mass, with 95% intervals by patient; dashed, a calibrated model. Bars count bins' cases."
)
RISK = "What answering the surest cases alone is worth: their error, over the share of cases that are answered."


def _reliability_panel(curve: Sequence[Mapping[str, JSON]], name: str) -> bytes:
    bins = [
        Bin(
            predicted=one["predicted"],
            observed=one["observed"],
            low=None if one["ci95"] is None else one["ci95"][0],
            high=None if one["ci95"] is None else one["ci95"][1],
            title=f"{one['cases']} cases: given {one['predicted']:.2f}, were {one['observed']:.2f}",
        )
        for one in curve
    ]
    counts = np.zeros(COUNT_BINS, dtype=int)
    for one in curve:
        counts[min(COUNT_BINS - 1, int(one["predicted"] * COUNT_BINS))] += one["cases"]
    return reliability_plot(bins, counts.tolist(), x_label=name, y_label="share that came true", count_label="cases")


def _risk_panel(curve: Sequence[Sequence[float]], name: str) -> bytes:
    points = [(share, risk) for share, risk in curve]
    return line_plot([Line(name, points, ACCENT)], x_label="share answered", y_label=name)


def _sets_text(sets: Mapping[str, JSON] | None) -> Iterator[str]:
    if not sets or sets["coverage"]["mean"] is None:
        return
    size, single = number(sets["size"], 2), _percent(sets["single"])
    yield (
        f"Sets of classes that are to hold the truth with {_percent(sets['stated'])} held it in "
        f"{_share(sets['coverage'])} of cases{_band_text(sets)}. A set holds {size} classes in the mean, and {single} of sets "
        "hold one."
    )


def _less_text(sets: Mapping[str, JSON] | None) -> Iterator[str]:
    """Which classes and groups are held less often than is stated, by the whole of their intervals."""
    if not sets:
        return
    stated = sets["stated"]
    if classes := [name for name, one in sets["by_class"].items() if _is_less(one, stated)]:
        yield (
            f"Of cases of {', '.join(classes)} sets hold the truth less often than is stated, which is of all cases together: "
            "inference.by_class=true has them hold it for each class, and makes them larger."
        )
    columns = {column: values for column, values in sets["by_group"].items() if len(values) <= FEW_GROUPS}
    groups = [
        f"{column} = {name}"
        for column, values in columns.items()
        for name, one in values.items()
        if _is_less(one, stated)
    ]
    if groups:
        yield f"Sets hold the truth less often than is stated where {', '.join(groups)}."


def _is_less(value: Mapping[str, JSON], stated: float) -> bool:
    return value["ci95"] is not None and bool(value["ci95"][1] < stated)


def _band_text(block: Mapping[str, JSON]) -> str:
    """Whether a coverage is what chance allows; "" where that is not known."""
    if block["band"] is None:
        return ""
    low, high = block["band"]
    between = f"{number(100 * low, 1)}\N{EN DASH}{number(100 * high, 1)} %"
    if block["coverage"]["mean"] < low:
        return f", less than chance allows ({between}): these cases seem unlike those that it was learned from"
    if block["coverage"]["mean"] > high:
        why = ": the most probable class is in every set" if "size" in block else ""
        return f", more than is stated ({between} would be chance){why}"
    return f", as chance allows ({between})"


def _finds_text(selective: Mapping[str, JSON]) -> Iterator[str]:
    told = [one for one in selective["surest"] if one["error"]["mean"] is not None]
    if not told:
        return
    whole, best = told[-1], next((one for one in told if one["asked"] == 0.8), told[0])
    yield (
        f"Answering the surest {_percent(best['share'])} of cases has an error of {_share(best['error'])}, answering all "
        f"{_share(whole['error'])}. The area under the curve of error and share answered is {number(selective['aurc'], 4)}, "
        f"{number(selective['excess_aurc'], 4)} more than that of the best order."
    )


def _declined_text(declined: Mapping[str, JSON] | None) -> Iterator[str]:
    if not declined:
        return
    if declined["threshold"] is None:
        yield f"No answer is sure enough for the error of {_percent(declined['risk'])} that was asked for: all are declined."
        return
    yield (
        f"Answers less sure than {number(declined['threshold'])} are declined, for an error of at most "
        f"{_percent(declined['risk'])}: {declined['declined']} cases; {_share(declined['answered'])} were answered, with an "
        f"error of {_share(declined['error'])}."
    )


def _held_table(block: Mapping[str, JSON] | None) -> Iterator[Table]:
    if not block:
        return
    before, after, gains = block["before"], block["after"], block["gain"]
    rows: list[tuple[str, ...]] = []
    for key, name in MEASURES:
        gained = _signed(gains[key]) if key in gains else NOT_DEFINED
        rows.append((name, number(before[key], 4), number(after[key], 4), gained))
    chance = [
        NOT_DEFINED if one["ece_by_chance"] is None else f"{number(one['ece_by_chance'][1], 4)}"
        for one in (before, after)
    ]
    rows.insert(1, ("ECE that chance alone reaches in 5 of 100", *chance, NOT_DEFINED))
    yield Table(
        caption="Whether probabilities hold, as the model gives them and as they are told. ECE: calibration error over 10 bins "
        "of equal mass; RMS error: its root mean square less what noise adds. Gain: lower by so much, with 95% interval.",
        columns=("Measure", "As given", "As told", "Gain"),
        rows=tuple(rows),
    )


def _coverage_table(sets: Mapping[str, JSON] | None) -> Iterator[Table]:
    if not sets:
        return
    rows = [(name, str(one["n_defined"]), _share(one)) for name, one in sets["by_class"].items()]
    for column, values in sets["by_group"].items():
        if 1 < len(values) <= FEW_GROUPS:
            rows += [(f"{column} = {name}", str(one["n_defined"]), _share(one)) for name, one in values.items()]
    if rows:
        yield Table(
            caption=f"How often sets held the truth, by class and by group; stated is {_percent(sets['stated'])} of all cases "
            "together, and a class or a group may have less.",
            columns=("Cases of", "Cases", "Held"),
            rows=tuple(rows),
        )


def _surest_table(selective: Mapping[str, JSON]) -> Iterator[Table]:
    rows = [
        (_percent(one["share"]), number(one["sure"]), str(one["error"]["n"]), _share(one["error"]))
        for one in selective["surest"]
    ]
    if rows:
        yield Table(
            caption="The error of the surest answers. How sure: the probability of what is told; equals are taken together.",
            columns=("Answered", "As sure as", "Cases", "Error"),
            rows=tuple(rows),
        )


def _of_numbers(by_quantity: Mapping[str, JSON], units: Mapping[str, str]) -> CertaintyPart:
    sentences, rows = [], []
    for name, block in by_quantity.items():
        unit = f" {units[name]}" if units.get(name) else ""
        if reach := block.get("intervals"):
            if reach["coverage"]["mean"] is None:
                continue
            how = "as wide as opinions differ" if reach["form"] == "normalised" else "of one width"
            width = f"{reach['width_median']:.4g}{unit}"
            sentences.append(
                f"{name}: intervals ({how}) that are to hold the truth with {_percent(reach['stated'])} held it in "
                f"{_share(reach['coverage'])} of cases{_band_text(reach)}; the median one is {width} wide."
            )
            for column, values in reach["by_group"].items():
                if 1 < len(values) <= FEW_GROUPS:
                    rows += [
                        (f"{name}, {column} = {value}", str(one["n_defined"]), _share(one))
                        for value, one in values.items()
                    ]
        if spread := block.get("spread"):
            ratio, rho = number(spread["ratio"], 2), number(spread["spearman"], 2)
            sentences.append(
                f"{name}: errors are {ratio} times as large as opinions differ (1 where their spread is the error to expect); "
                f"rank correlation of spread and error {rho}."
            )
        if selective := block.get("selective"):
            told = [one for one in selective["surest"] if one["error"]["mean"] is not None]
            parts = [f"the surest {_percent(one['share'])} {_number(one['error'], unit)}" for one in told]
            sentences.append(f"{name}: mean absolute error of {', '.join(parts)}.")
    table = Table(
        caption="How often intervals held the truth, by group.", columns=("Cases of", "Cases", "Held"), rows=tuple(rows)
    )
    return CertaintyPart(sentences=tuple(sentences), tables=(table,) if rows else ())


def _percent(share: float | None) -> str:
    return NOT_DEFINED if share is None else f"{100 * share:.3g} %"


def _share(value: Mapping[str, JSON]) -> str:
    """A share in percent with its interval."""
    one = estimate(value)
    if one.mean is None:
        return NOT_DEFINED
    inside = [None if end is None else 100 * end for end in (one.mean, one.low, one.high)]
    scaled = Estimate(mean=inside[0], low=inside[1], high=inside[2], n=one.n, n_defined=one.n_defined)
    reach = interval(scaled, 1)
    return f"{number(scaled.mean, 1)} %" + (f" ({reach})" if reach else "")


def _signed(value: Mapping[str, JSON]) -> str:
    one = estimate(value)
    reach = interval(one, 4)
    return number(one.mean, 4) + (f" ({reach})" if reach else "")


def _number(value: Mapping[str, JSON], unit: str) -> str:
    one = estimate(value)
    digits = digits_of(metric("mae"), one)
    reach = interval(one, digits)
    return f"{number(one.mean, digits)}{unit}" + (f" ({reach})" if reach else "")
