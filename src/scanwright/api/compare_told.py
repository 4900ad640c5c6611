"""A comparison in words: what can be told apart and what cannot, for the terminal and the page."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version

from scanwright.api.compared import Compared
from scanwright.api.run.parts import OF_PATIENTS, RESEARCH_USE
from scanwright.evaluation.comparing.contrast import TESTS, TITLES, Measured
from scanwright.evaluation.comparing.pairwise import Pair
from scanwright.evaluation.intervals.statistics import FEW_PATIENTS
from scanwright.report.compare_content import CompareContent, ComparedModel, MeasureRows, PairRow, TestRow
from scanwright.report.content import Provenance
from scanwright.report.notation import interval, metric, number, p_value
from scanwright.report.results_content import Estimate, Fact
from scanwright.report.wording import few_text

SAME_CASES = (
    "What holds on these cases need not hold elsewhere: another hospital's patients may rank the models otherwise."
)
ONE_RUN = "Each model was trained once: how much would differ in another training of the same recipe is not in these intervals."
MOST_PAIRS = 6
"""Pairs that the summary goes through one by one."""


def sentences(found: Compared) -> list[str]:
    """What was found by the measure that decides."""
    return [*_headline(found), *_pairs(found), _standing(found)]


def name_of(measure: Measured) -> str:
    """A measure with its part."""
    name = TITLES.get(measure.metric, measure.metric)
    return f"{name} of {measure.part}" if measure.part else name


def _headline(found: Compared) -> Iterator[str]:
    pairs = found.pairs[0]
    apart = [one for one in pairs if one.verdict.apart]
    where = f"on {found.num_cases} cases of {found.num_patients} patients, by {name_of(found.first)}"
    if len(pairs) > 1:
        yield (
            f"{len(apart)} of {len(pairs)} pairs of models can be told apart {where}."
            if apart
            else f"None of {len(pairs)} pairs of models can be told apart {where}: that is no proof that they are the same."
        )
    else:
        (pair,) = pairs
        yield (
            f"{pair.first} and {pair.second} {'can' if apart else 'cannot'} be told apart {where}"
            + (": that is no proof that they are the same." if not apart else ".")
        )


def _pairs(found: Compared) -> Iterator[str]:
    pairs = sorted(found.pairs[0], key=lambda one: not one.verdict.apart)
    for pair in pairs[:MOST_PAIRS]:
        yield pair_text(pair, found.first)
    if len(pairs) > MOST_PAIRS:
        yield f"{len(pairs) - MOST_PAIRS} more pairs stand in the table."


def pair_text(pair: Pair, measure: Measured) -> str:
    """One pair in a sentence or two."""
    one, verdict = pair.contrast, pair.verdict
    if one.value is None:
        return f"{pair.first} and {pair.second}: {name_of(measure)} is not defined on these cases."
    places = digits(measure, one.value)
    reach = interval(
        Estimate(mean=one.value, low=(one.interval or (None, None))[0], high=(one.interval or (None, None))[1]), places
    )
    corrected = pair.corrected[pair.decides]
    words = ", ".join(filter(None, (f"95% CI {reach}" if reach else "", p_value(corrected))))
    said = f"{number(one.value, places)}" + (f" ({words})" if words else "")
    first, second = (pair.first, pair.second) if verdict.apart >= 0 else (pair.second, pair.first)
    if verdict.apart:
        text = f"{first} is better than {second}: {pair.first} less {pair.second} is {said}."
    else:
        text = f"{pair.first} and {pair.second} are not told apart: {pair.first} less {pair.second} is {said}."
    return f"{text} {margin_text(pair, measure)}".strip()


def margin_text(pair: Pair, measure: Measured) -> str:
    """What the wide interval says of the margin; without one, what differences it rules out."""
    verdict, value = pair.verdict, pair.contrast.value or 0.0
    if verdict.bears is None:
        return "There are too few patients for an interval."
    places = digits(measure, value)
    if verdict.margin is None:
        return (
            ""
            if verdict.apart
            else f"Differences of more than {number(verdict.bears, places)} either way are ruled out."
        )
    margin = number(verdict.margin, places)
    if verdict.equivalent:
        return f"They are equivalent within {margin}."
    if verdict.apart:
        low = min(abs(end) for end in pair.contrast.wide or (0.0,))
        return f"The difference is larger than {margin}." if low > verdict.margin else ""
    if verdict.not_inferior:
        return f"{pair.first} is not inferior to {pair.second} by more than {margin}."
    if verdict.not_superior:
        return f"{pair.second} is not inferior to {pair.first} by more than {margin}."
    return f"Neither is shown to be within {margin} of the other."


def digits(measure: Measured, value: float) -> int:
    """Digits after the point of a difference: one more than the measure has where it is small."""
    places = metric(measure.metric).digits
    return places + 1 if abs(value) < 10 ** (1 - places) else places


def _standing(found: Compared) -> str:
    first, *others = found.ranking.standings
    if not first.shares or first.value is None:
        return "Too few patients for a statement on how stable the ranking is."
    share = first.shares[0]
    reach = f"rank {first.low}" if first.low == first.high else f"ranks {first.low} to {first.high}"
    draws = f"{100 * share:.0f} % of {found.ranking.draws} draws of the patients"
    said = f"{first.model} ranks first, and does so in {draws} ({reach} in 95 %)"
    if share < 0.95 and others:
        return f"{said}: who is first is not settled."
    return f"{said}."


def verdict_text(pair: Pair) -> str:
    """A pair's verdict in a few words."""
    verdict = pair.verdict
    if verdict.apart:
        return f"{pair.first if verdict.apart > 0 else pair.second} better"
    if verdict.equivalent:
        return "equivalent"
    if verdict.not_inferior:
        return f"{pair.first} not inferior"
    if verdict.not_superior:
        return f"{pair.second} not inferior"
    return "not told apart"


def content(found: Compared, *, command: str) -> CompareContent:
    """The page."""
    by_name = {one.name: one for one in found.sources}
    models = tuple(
        ComparedModel(
            name=one.model,
            about=f"{by_name[one.model].kind} {by_name[one.model].path.name}, {found.aligned.on[one.model].lower()}",
            estimate=_estimate(one.value, one.interval),
            rank=one.rank,
            ranks=None if one.low is None or one.high is None else (one.low, one.high),
            shares=one.shares,
        )
        for one in found.ranking.standings
    )
    measures = tuple(
        MeasureRows(metric=measure.metric, part=measure.part, values=values, pairs=tuple(_row(one) for one in pairs))
        for measure, values, pairs in zip(found.measures, found.values, found.pairs, strict=True)
    )
    names = list(found.names)
    return CompareContent(
        title=f"{', '.join(names[:-1])} and {names[-1]}" if len(names) <= 4 else f"{len(names)} models",
        created=datetime.now(UTC),
        kind=found.problem.wording.kind,
        num_cases=found.num_cases,
        num_patients=found.num_patients,
        summary=tuple(sentences(found)),
        models=models,
        measures=measures,
        family=found.family(),
        margin=found.margin,
        draws=found.ranking.draws,
        limits=tuple(limits(found)),
        facts=(
            Fact(name="Cases", value=f"{found.num_cases} of {found.num_patients} patients"),
            Fact(name="Asked for", value=name_of(found.first)),
            *([] if found.margin is None else [Fact(name="Margin", value=f"{found.margin:g}")]),
        ),
        provenance=Provenance(
            command=command,
            facts=(
                *(
                    Fact(
                        name=one.name,
                        value=f"{one.kind} {one.path.name}{f', SHA-256 {one.digest[:16]}…' if one.digest else ''}",
                    )
                    for one in found.sources
                ),
                Fact(name="Compared by", value=f"scanwright {version('scanwright')}, seed {found.seed}"),
            ),
        ),
    )


def limits(found: Compared) -> Iterator[str]:
    """What the numbers do not say."""
    yield RESEARCH_USE
    if few := few_text(found.num_patients):
        yield few
    if left := {name: number for name, number in found.aligned.left_out.items() if number}:
        listed = ", ".join(f"{name} {number}" for name, number in left.items())
        yield f"Only the cases that all models judged are compared. Left out of what each judged: {listed}."
    yield from found.aligned.notes
    lost = found.num_cases - int(found.first.counted.sum())
    if lost and found.first.counted.any():
        where = f"In {lost} of {found.num_cases} cases {name_of(found.first)}"
        yield f"{where} is not defined for every model, and they are left out of it."
    if found.margin is not None:
        yield "A margin says something if it was set before the results were seen, by what matters to patients."
    if found.num_patients < FEW_PATIENTS:
        yield f"With {found.num_patients} patients only a large difference could be shown."
    yield SAME_CASES
    yield ONE_RUN
    yield OF_PATIENTS


def _row(pair: Pair) -> PairRow:
    one = pair.contrast
    return PairRow(
        first=pair.first,
        second=pair.second,
        estimate=_estimate(one.value, one.interval, n=one.n),
        wide=None if one.wide is None else _estimate(one.value, one.wide),
        effect=None if one.effect is None else _estimate(one.effect, one.effect_interval),
        tests=tuple(
            TestRow(name=TESTS[name], p=p, corrected=pair.corrected[name], decides=name == pair.decides)
            for name, p in one.p.items()
        ),
        verdict=verdict_text(pair),
        is_shown=bool(pair.verdict.apart),
        num_patients=one.n_patients,
    )


def _estimate(value: float | None, reach: tuple[float, float] | None, *, n: int = 0) -> Estimate:
    low, high = reach or (None, None)
    return Estimate(mean=value, low=low, high=high, n=n, n_defined=n)
