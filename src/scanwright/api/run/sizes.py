"""How large a test set has to be, read from what a run has judged."""

from collections.abc import Mapping, Sequence
from typing import Any

from scanwright.api.run.answer import Scores
from scanwright.api.run.folder import SAMPLE_SIZE, Run
from scanwright.api.run.parts import judged
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.intervals.sample_size import Seen, deviation_of_patients, sample_size
from scanwright.files import write_json
from scanwright.problem.kind import Kind
from scanwright.report.enough_section import SizePart

SHARES = ("sensitivity", "specificity", "accuracy")
"""Measures that are shares of cases, where measures are of all cases together."""


def plan_sizes(run: Run, problem: Kind, scores: Scores) -> SizePart:
    """The sizes by the test split if there is one, else by cross-validation; writes sample_size.json."""
    name, (summary, rows) = list(judged(scores).items())[-1]
    sizes = [one for seen in seen_in(problem, summary, rows) if (one := sample_size(seen))]
    part = SizePart(
        judged=name,
        headline=next((one for one in sizes if one.seen.metric == problem.primary), None),
        shares=tuple(one for one in sizes if one.seen.metric != problem.primary),
    )
    write_json(run.path(SAMPLE_SIZE), part.to_json())
    return part


def seen_in(problem: Kind, summary: Mapping[str, Any], rows: Sequence[JudgedCase]) -> list[Seen]:
    """The headline, and shares beside it, each with what the number of patients is computed from. summary: of these rows."""
    overall, primary = summary["overall"], problem.primary
    found = [headline_seen(problem, overall, rows)] if overall[primary]["mean"] is not None else []
    if problem.wording.together:
        each = len({row.patient for row in rows}) / len(rows)
        for name in SHARES:
            entry = overall.get(name)
            if entry and entry["mean"] is not None and entry["n_defined"]:
                found.append(share_seen(name, entry, patients=round(each * entry["n_defined"])))
    return found


def headline_seen(problem: Kind, overall: Mapping[str, Any], rows: Sequence[JudgedCase]) -> Seen:
    """The headline: a mean over cases, an area under a curve, or any other measure."""
    entry, patients = overall[problem.primary], len({row.patient for row in rows})
    common: dict[str, Any] = {
        "metric": problem.primary,
        "value": entry["mean"],
        "interval": None if entry["ci95"] is None else tuple(entry["ci95"]),
    }
    if not problem.wording.together:
        scores = [problem.case_score(row) for row in rows]
        of = [row.patient for row, score in zip(rows, scores, strict=True) if score is not None]
        deviation = deviation_of_patients(scores, [row.patient for row in rows])
        return Seen(basis="mean", patients=len(set(of)), cases=len(of), deviation=deviation, **common)
    if problem.primary == "auroc" and (positives := share_positive(overall)):
        return Seen(basis="auroc", patients=patients, cases=len(rows), positives=positives, **common)
    return Seen(basis="interval", patients=patients, cases=len(rows), **common)


def share_positive(overall: Mapping[str, Any]) -> float | None:
    """The share of cases that are positive, of two classes; None of more, where each case is positive in some."""
    with_it, without = (overall.get(name, {}).get("n_defined", 0) for name in ("sensitivity", "specificity"))
    return with_it / (with_it + without) if 0 < with_it < with_it + without == overall["auroc"]["n"] else None


def share_seen(name: str, entry: Mapping[str, Any], *, patients: int) -> Seen:
    """A share of the cases that it is defined of."""
    reach = None if entry["ci95"] is None else tuple(entry["ci95"])
    return Seen(
        metric=name, basis="share", value=entry["mean"], interval=reach, patients=patients, cases=entry["n_defined"]
    )
