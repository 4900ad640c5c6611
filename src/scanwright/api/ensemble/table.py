"""One table of every candidate: what it is worth, whether that is more than the best single model, and what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scanwright.api.ensemble.candidates import Built, Candidate
from scanwright.api.ensemble.cost import Cost, Limits, measured
from scanwright.api.ensemble.opinions import Opinions
from scanwright.api.ensemble.voices import SINGLE
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.plan.plan import Plan
from scanwright.problem.certain import CERTAINTY
from scanwright.protocols import Progress
from scanwright.report import notation
from scanwright.report.ensemble_content import EnsembleRow, Worth
from scanwright.report.html import words_of
from scanwright.report.page import label
from scanwright.report.results_content import Difference, Estimate, estimate

SEED = 0
TIE = 0.0005
"""Of a headline: less is no difference to be paid for, as tables do not show it."""


@dataclass(frozen=True)
class Judged:
    """A candidate with its rows: of held-out cases, settled and cross-fitted, and of the test split.

    folds: whose networks answer the test split. summary: as metrics.json. chosen: what was settled, for the package;
    confidence: what was fitted of how sure answers are.
    """

    candidate: Candidate
    folds: tuple[int, ...]
    rows: Sequence[JudgedCase]
    test_rows: Sequence[JudgedCase]
    summary: Mapping[str, Any]
    chosen: Mapping[str, Any] | None
    confidence: Mapping[str, Any] | None
    cost: Cost

    def part(self, test: bool) -> Mapping[str, Any] | None:
        """The part of the summary of one set of cases, None without."""
        if not test:
            return self.summary if self.rows else None
        if not self.test_rows:
            return None
        found: Mapping[str, Any] = self.summary["test"] if self.rows else self.summary
        return found


def plan_of(candidate: Candidate, built: Built) -> Plan:
    """The plan of the first voice of a candidate: how its problem decides."""
    return built.voices[next(iter(candidate.packaged))].plan


def judge(
    candidate: Candidate, built: Built, opinions: Opinions, *, folds: Sequence[int], cross: bool = True
) -> Judged:
    """Pool what the voices said, hold it against the truth, and settle what the kind chooses out of fold.

    folds: whose networks answer the test split together. cross: whether held-out cases are judged; not where several folds
    answer together, which have learned from each other's.
    """
    sources = opinions.sources
    rows = [_held_out_row(candidate, built, opinions, name) for name in sources.fold_of]
    tested = [_test_row(candidate, built, opinions, case.id, folds) for case in sources.test]
    plan = plan_of(candidate, built)
    judged, test_rows, chosen = sources.problem.settle(rows, tested, plan)
    judged = judged if cross else []  # they settle how the test split is told, and are told of one fold's networks
    summary = sources.problem.summary(judged, test_rows, seed=SEED, yardstick=sources.yardstick)
    certainty, confidence = sources.problem.certainty(judged, rows, plan, {}) if judged else ({}, None)
    summary |= {CERTAINTY: certainty} if certainty else {}
    cost = measured(candidate, built.voices, opinions, folds=folds)
    return Judged(candidate, tuple(folds), judged, test_rows, summary, chosen, confidence, cost)


def _held_out_row(candidate: Candidate, built: Built, opinions: Opinions, name: str) -> JudgedCase:
    sources, case = opinions.sources, opinions.sources.cases[name]
    fold = sources.fold_of[name]
    shares = candidate.by_fold[fold]
    said = [opinions.held_out(built.voices[voice], case) for voice in shares]
    answer = opinions.pooling.pool(said, list(shares.values()))
    row: JudgedCase = sources.problem.row(case, answer, fold=fold, yardstick=sources.yardstick)
    return row


def _test_row(candidate: Candidate, built: Built, opinions: Opinions, name: str, folds: Sequence[int]) -> JudgedCase:
    sources, case = opinions.sources, opinions.sources.cases[name]
    pairs = [(voice, share, fold) for voice, share in candidate.packaged.items() for fold in folds]
    said = [opinions.of_fold(built.voices[voice], case, fold) for voice, _, fold in pairs]
    answer = opinions.pooling.pool(said, [share for _, share, _ in pairs])
    row: JudgedCase = sources.problem.row(case, answer, fold=None, yardstick=sources.yardstick)
    return row


def judge_all(built: Built, opinions: Opinions) -> list[Judged]:
    """Every candidate; and where there is a test split, what the folds of a model give together, and all of everything."""
    sources = opinions.sources
    first, every = sources.folds[:1], sources.folds
    jobs = [(one, first, True) for one in built.candidates]
    if sources.test and len(every) > 1:
        jobs += [(folds_of(one, len(every)), every, False) for one in built.candidates if _has_every_fold(one, built)]
    found = []
    for done, (candidate, folds, cross) in enumerate(jobs):
        found.append(judge(candidate, built, opinions, folds=folds, cross=cross and bool(sources.fold_of)))
        opinions.tell(Progress("judge", done=done + 1, total=len(jobs)))
    return found


def _has_every_fold(candidate: Candidate, built: Built) -> bool:
    """Whether all folds' networks of a candidate have answered the test split: of single models, and all of these together."""
    return all(built.voices[name].variant == SINGLE for name in candidate.packaged) and candidate.name != "greedy"


def folds_of(candidate: Candidate, number: int) -> Candidate:
    """The same with the networks of all folds, which only a test split can judge."""
    title = f"{candidate.title.removeprefix('single: ').removeprefix('full: ')}, {number} folds together"
    how = f"mean of the networks of {number} folds, {candidate.how}"
    return replace(candidate, name=f"{candidate.name}: folds", sort="full", title=title, how=how)


def best_single(judged: Sequence[Judged], problem: Any) -> Judged:
    """The single model with the best headline, out of fold where that is known; of equals the first."""
    singles = [one for one in judged if one.candidate.sort == "single"]
    return best_of(singles, problem)


def best_of(judged: Sequence[Judged], problem: Any) -> Judged:
    """The best headline; of those that are as good within TIE the cheapest, and the first of these."""
    worth = {id(one): headline(one, problem.primary).mean for one in judged}
    known = [one for one in judged if worth[id(one)] is not None] or list(judged)[:1]
    top = max((_signed(worth[id(one)], problem.primary) for one in known), default=0.0)
    equal = [one for one in known if top - _signed(worth[id(one)], problem.primary) < TIE]
    return min(equal, key=lambda one: (one.cost.passes, one.cost.megabytes))


def _signed(value: float | None, metric: str) -> float:
    """A value of which more is better."""
    if value is None:
        return float("-inf")
    return value if notation.is_better(metric, 1.0, 0.0) else -value


def headline(judged: Judged, metric: str, *, test: bool = False) -> Estimate:
    """The headline's estimate on one set of cases; nothing known where there is none."""
    part = judged.part(test)
    return Estimate(mean=None) if part is None else estimate(part["overall"][metric])


def gains_of(judged: Sequence[Judged], best: Judged, problem: Any, *, test: bool) -> Mapping[str, Sequence[Difference]]:
    """What each candidate differs from the best single model by, paired, on one set of cases."""
    rows = {one.candidate.name: (one.test_rows if test else one.rows) for one in judged}
    rows = {name: some for name, some in rows.items() if some}
    if best.candidate.name not in rows or len(rows) < 2:
        return {}
    found: Mapping[str, Sequence[Difference]] = problem.compare(rows, best.candidate.name, seed=SEED)
    return found


def table_of(
    judged: Sequence[Judged], best: Judged, kept: Judged, limits: Limits, problem: Any
) -> tuple[EnsembleRow, ...]:
    """The table, single models first, then semi and full ensembles, in the order in which they were built."""
    apart = {test: gains_of(judged, best, problem, test=test) for test in (False, True)}
    found = []
    for one in judged:
        worths = {
            test: None
            if one.part(test) is None
            else Worth(
                estimate=headline(one, problem.primary, test=test),
                gains=tuple(apart[test].get(one.candidate.name, ())),
            )
            for test in (False, True)
        }
        found.append(
            EnsembleRow(
                name=one.candidate.name,
                sort=one.candidate.sort,
                title=one.candidate.title,
                how=one.candidate.how,
                held_out=worths[False],
                test=worths[True],
                passes=one.cost.passes,
                ms=round(one.cost.ms, 2),
                megabytes=round(one.cost.megabytes, 3),
                fits=limits.allow(one.cost),
                is_best_single=one is best,
                is_kept=one is kept,
                verdict=""
                if one.candidate.sort == "single"
                else verdict(worths[False] or worths[True], one.cost, best.cost),
            )
        )
    order = ("single", "semi", "full")
    return tuple(sorted(found, key=lambda row: order.index(row.sort)))


def metric_name(metric: str) -> str:
    """A metric as people call it.

    >>> metric_name("auroc"), metric_name("r2")
    ('AUROC', 'R²')
    """
    return label(notation.metric(metric), words_of("en"))


def verdict(worth: Worth | None, cost: Cost, of_best: Cost) -> str:
    """Whether it pays, in a sentence: what is gained, or that it cannot be told from chance, for how many times the passes.

    >>> gain = Difference(metric="dice", estimate=Estimate(mean=0.01, low=0.004, high=0.02), p=0.01)
    >>> one, two = Cost(passes=1, ms=1.0, megabytes=1.0), Cost(passes=4, ms=4.0, megabytes=4.0)
    >>> verdict(Worth(estimate=Estimate(mean=0.9), gains=(gain,)), two, one)
    'pays: Dice +0.010 (0.004–0.020) for 4 times the passes'
    """
    if worth is None or not worth.gains:
        return ""
    gain = worth.gains[0]
    kind, reach = notation.metric(gain.metric), gain.estimate
    times = cost.passes / of_best.passes
    price = f"for {times:g} times the passes" if times != 1 else "for the same number of passes"
    name = metric_name(gain.metric)
    if reach.mean is None or reach.low is None or reach.high is None:
        return f"no interval can be given: whether it pays is not known, {price}"
    digits = notation.digits_of(kind, reach)
    plus = "+" if reach.mean > 0 else ""
    said = f"{name} {plus}{notation.number(reach.mean, digits)} ({notation.interval(reach, digits)})"
    if reach.low <= 0 <= reach.high:
        return f"does not pay: {said} cannot be told from no gain, {price}"
    better = notation.is_better(gain.metric, reach.mean, 0.0)
    return f"{'pays' if better else 'is worse'}: {said} {price}"
