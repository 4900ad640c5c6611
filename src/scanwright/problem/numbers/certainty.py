"""What the sureness of a regression is worth on a set of cases, for metrics.json: whether intervals hold the truth, whether
opinions differ where answers are wrong, and what it is worth to answer the surest cases alone.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import rankdata

from scanwright.evaluation.cases.grouping import group_columns, members_by_group
from scanwright.evaluation.cases.judged import MeasuredCase
from scanwright.evaluation.certainty.conformal_interval import chosen_form, cross_fitted_intervals
from scanwright.evaluation.certainty.coverage import coverage_band, share_estimate, shares_of
from scanwright.evaluation.certainty.opinions import member_spread
from scanwright.evaluation.certainty.selective import SHARES, excess_area, risk_curve, surest, thinned
from scanwright.plan.plan import InferencePlan
from scanwright.problem.numbers.certain import Known, NumberCertainty, has_folds, interval_of_case, known_of
from scanwright.types import JSON, Floats


def numbers_out_of_fold(
    rows: Sequence[MeasuredCase],
    opinions: Mapping[str, Floats],
    plan: InferencePlan,
    quantities: Sequence[str],
    *,
    seed: int = 0,
) -> dict[str, JSON]:
    """Of out-of-fold rows, each fold judged by what the others say, the form of its intervals too; {} without two folds."""
    if not rows or not has_folds(rows):
        return {}
    found: dict[str, JSON] = {}
    for place, name in enumerate(quantities):
        known = known_of(rows, opinions, place)
        reaches = np.full((len(known.places), 2), np.nan)
        for fold in sorted(set(known.folds.tolist())):
            here = known.folds == fold
            spreads = None if known.spreads is None else known.spreads[~here]
            form = chosen_form(known.predicted[~here], known.true[~here], known.folds[~here], spreads, plan.coverage)
            used = known.spreads if form == "normalised" else None
            reaches[here] = cross_fitted_intervals(
                known.predicted, known.true, np.where(here, 1, 0), plan.coverage, spreads=used
            )[here]
        largest = max((int((known.folds == fold).sum()) for fold in set(known.folds.tolist())), default=0)
        form = chosen_form(known.predicted, known.true, known.folds, known.spreads, plan.coverage)
        found[name] = {
            "intervals": intervals_block(
                reaches, known, rows, stated=plan.coverage, form=form, known_cases=len(known.places) - largest
            ),
            **spread_block(rows, opinions, known, place, seed=seed),
        }
    return {"by_quantity": found}


def numbers_on_others(
    rows: Sequence[MeasuredCase],
    opinions: Mapping[str, Floats],
    fitted: NumberCertainty | None,
    quantities: Sequence[str],
    *,
    seed: int = 0,
) -> dict[str, JSON]:
    """The same of cases that had no part in fitting, by what a package carries."""
    found: dict[str, JSON] = {}
    for place, name in enumerate(quantities):
        known = known_of(rows, opinions, place)
        block: dict[str, JSON] = spread_block(rows, opinions, known, place, seed=seed)
        if fitted is not None:
            reaches = np.full((len(known.places), 2), np.nan)
            for at, k in enumerate(known.places):
                answer, said = rows[k].predicted[place], opinions.get(rows[k].case)
                reach = interval_of_case(fitted, place, answer, said)
                reaches[at] = (np.nan, np.nan) if reach is None else reach
            residuals = fitted.residuals[place]
            block["intervals"] = intervals_block(
                reaches, known, rows, stated=fitted.coverage, form=residuals.form, known_cases=residuals.cases
            )
        found[name] = block
    return {"by_quantity": found} if any(found.values()) else {}


def intervals_block(
    reaches: Floats, known: Known, rows: Sequence[MeasuredCase], *, stated: float, form: str, known_cases: int
) -> dict[str, JSON]:
    """How often intervals (n, 2) held the truth, of all and by group, and how wide they are. A case without one is not counted.

    known_cases: that they come from. "band" as of classes.certainty.sets_block.
    """
    there = np.isfinite(reaches).all(axis=1)
    true, ends = known.true[there], reaches[there]
    held = (true >= ends[:, 0]) & (true <= ends[:, 1])
    of = [rows[k] for k in known.places[there]]
    patients = [row.patient for row in of]
    band = coverage_band(known=known_cases, new=len(of), coverage=stated)
    widths = ends[:, 1] - ends[:, 0]
    by_group = {column: shares_of(held, patients, members_by_group(of, column)) for column in group_columns(of)}
    return {
        "stated": stated,
        "form": form,
        "coverage": share_estimate(held, patients).as_json(),
        "band": None if band is None else list(band),
        "width_mean": float(widths.mean()) if len(widths) else None,
        "width_median": float(np.median(widths)) if len(widths) else None,
        "by_group": {
            column: {name: one.as_json() for name, one in found.items()} for column, found in by_group.items()
        },
    }


def spread_block(
    rows: Sequence[MeasuredCase], opinions: Mapping[str, Floats], known: Known, quantity: int, *, seed: int
) -> dict[str, JSON]:
    """Whether opinions differ where answers are wrong; {} where opinions are not known of every case.

    "spread": {"spearman": of the spread and the size of the error, "ratio": root mean square error over root mean
    square spread (1 where the spread is as large as the errors are, more where opinions agree on what is wrong)};
    "selective" as of classes, by the absolute error in the quantity's unit.
    """
    said = [opinions.get(rows[k].case) for k in known.places]
    spreads = [None if one is None else member_spread(one) for one in said]
    if not spreads or any(one is None for one in spreads):
        return {}
    spread = np.array([one[quantity] for one in spreads if one is not None])
    errors = np.abs(known.predicted - known.true)
    curve = risk_curve(-spread, errors)
    if curve is None:
        return {}
    patients = [rows[k].patient for k in known.places]
    told = []
    for share in SHARES:
        one = surest(-spread, errors, patients, share, is_share=False, seed=seed)
        if one is not None:
            told.append({"asked": share, "share": one.share, "spread": -one.sure, "error": one.risk.as_json()})
    deep = float(np.sqrt((spread**2).mean()))
    return {
        "spread": {
            "spearman": _spearman(spread, errors),
            "ratio": float(np.sqrt((errors**2).mean())) / deep if deep > 0 else None,
        },
        "selective": {
            "aurc": curve.area,
            "excess_aurc": excess_area(curve, errors),
            "surest": told,
            "curve": [list(point) for point in thinned(curve)],
        },
    }


def _spearman(one: Floats, other: Floats) -> float | None:
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (one, other)]
    size = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / size if size > 0 else None
