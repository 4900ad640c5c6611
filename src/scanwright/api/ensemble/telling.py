"""What the page and the console say of a table of ensembles."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from scanwright.api.ensemble.candidates import Built
from scanwright.api.ensemble.cost import Limits
from scanwright.api.ensemble.sources import Sources
from scanwright.api.ensemble.table import Judged, metric_name
from scanwright.report import notation
from scanwright.report.ensemble_content import EnsembleReport, EnsembleRow, Worth
from scanwright.report.results_content import Estimate, Fact

LITTLE = 0.02


def report_of(
    sources: Sources,
    built: Built,
    rows: tuple[EnsembleRow, ...],
    packed: Judged,
    *,
    honest: Estimate | None,
    limits: Limits,
    command: str,
    created: datetime,
) -> EnsembleReport:
    """Everything that the page says."""
    metric, kept = sources.problem.primary, next(row for row in rows if row.is_kept)
    choice = tuple(choice_sentences(rows, kept, honest, sources, metric))
    return EnsembleReport(
        title=sources.dataset.task.name,
        created=created,
        metric=metric,
        summary=tuple(summary_sentences(rows, kept, packed, sources, limits)),
        rows=rows,
        answered=answered_text(sources),
        tested=tested_text(sources),
        chosen_without=honest,
        limits=limits.stated(),
        left_out=tuple(Fact(name=name, value=why) for name, why in built.left_out.items()),
        caveats=choice,
        facts=facts_of(packed),
        provenance=(
            Fact(name="Command", value=command),
            Fact(name="Runs", value=", ".join(Path(run.folder).name for run in sources.runs)),
            Fact(name="Data set", value=f"{sources.dataset.root.name}, read as {sources.dataset.layout}"),
            Fact(name="Built by", value=f"scanwright {version('scanwright')}"),
        ),
    )


def answered_text(sources: Sources) -> str:
    """Which cases were held out, and by whom they were answered."""
    number, folds = len(sources.fold_of), len(sources.folds)
    which = f"{folds} folds" if folds > 1 else f"fold {sources.folds[0]}"
    return f"{number} cases held out by {which}, each answered by networks that have not learned from it"


def tested_text(sources: Sources) -> str:
    """Which networks answered the test split; "" where there is none."""
    if not sources.test:
        return ""
    first = sources.folds[0]
    return (
        f"{len(sources.test)} cases of the declared test split, answered by the networks of fold {first}, and in rows of folds "
        "together by those of all folds; nothing was chosen on them"
    )


def summary_sentences(
    rows: Sequence[EnsembleRow], kept: EnsembleRow, packed: Judged, sources: Sources, limits: Limits
) -> Iterator[str]:
    """What is kept, what it is worth and costs, and whether ensembles pay here."""
    best = next(row for row in rows if row.is_best_single)
    cost, folds = packed.cost, len(packed.folds)
    under = f", the best of those that cost {limits.stated()}" if limits.stated() else ""
    yield f"Kept: {kept.title} ({kept.name}){under}."
    if kept is not best and kept.verdict:
        yield f"Against the best single model ({best.name}) it {kept.verdict}."
    elif kept is best:
        yield "No ensemble was better out of fold by more than a rounding error: the single model is kept."
    yield (
        f"The package holds the networks of {folds} fold{'s' if folds > 1 else ''}: {cost.passes} forward passes, "
        f"{notation.number(cost.ms, 1)} ms a case on this machine and {notation.number(cost.megabytes, 2)} MB of weights."
    )
    yield paying_text(rows)
    if len(sources.folds) < 2:
        yield "One fold alone was trained by all runs: nothing was chosen by scores, and what is kept was fixed before."


def paying_text(rows: Sequence[EnsembleRow]) -> str:
    """Which ensembles pay, in a sentence: those whose gain can be told from chance."""
    told = [row for row in rows if row.sort != "single" and row.held_out is not None]
    pay = [row.name for row in told if row.verdict.startswith("pays")]
    worse = [row.name for row in told if row.verdict.startswith("is worse")]
    unclear = len(told) - len(pay) - len(worse)
    parts = [f"{', '.join(pay)} {'pays' if len(pay) == 1 else 'pay'}"] if pay else ["No ensemble pays"]
    if unclear:
        parts.append(f"of {unclear} the gain cannot be told from chance (its interval includes 0)")
    if worse:
        parts.append(f"{', '.join(worse)} {'is' if len(worse) == 1 else 'are'} worse")
    return "; ".join(parts) + "."


def choice_sentences(
    rows: Sequence[EnsembleRow], kept: EnsembleRow, honest: Estimate | None, sources: Sources, metric: str
) -> Iterator[str]:
    """What the choice means for the score of what is kept."""
    number = sum(row.held_out is not None for row in rows)
    if honest is None or kept.held_out is None:
        return
    kind, mean = notation.metric(metric), kept.held_out.estimate.mean
    said = f"What is kept is the best of {number} by its scores out of fold, which are therefore"
    if honest.mean is None or mean is None:
        yield f"{said} too good, by how much is not known."
        return
    apart = abs(mean - honest.mean)
    much = f"too good by about {notation.number(apart, kind.digits)}" if apart > LITTLE else "a little too good at most"
    reach = notation.interval(honest, kind.digits)
    worth = f"{metric_name(metric)} is {notation.number(honest.mean, kind.digits)}" + (f" ({reach})" if reach else "")
    yield f"{said} {much}: where each fold takes what is best in the others, {worth}."


def facts_of(packed: Judged) -> tuple[Fact, ...]:
    """Who is in the package, and how much each counts."""
    total = sum(packed.candidate.packaged.values())
    return tuple(
        Fact(name=name, value=f"{100 * share / total:.3g} % of the answer, networks of {len(packed.folds)} folds")
        for name, share in packed.candidate.packaged.items()
    )


def table_lines(report: EnsembleReport) -> list[str]:
    """The table for a terminal, and the sentences below it."""
    head = ("", metric_name(report.metric), "difference", "passes", "ms", "MB")
    tested = any(row.test is not None for row in report.rows)
    cells = [(*head, "test", "difference") if tested else head]
    for row in report.rows:
        mark = "* " if row.is_kept else "  "
        line = (
            mark + row.name,
            *worth_cells(row.held_out, report.metric),
            str(row.passes),
            f"{row.ms:.1f}",
            f"{row.megabytes:.2f}",
        )
        cells.append((*line, *worth_cells(row.test, report.metric)) if tested else line)
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return [
        *lines,
        "* in the package; differences from the best single model, with 95 % intervals",
        *report.summary,
        *report.caveats,
    ]


def worth_cells(worth: Worth | None, metric: str) -> tuple[str, str]:
    """An estimate and what it gains, as text; "–" where there is none."""
    if worth is None:
        return "–", "–"
    digits = notation.metric(metric).digits
    told = (
        f"{notation.number(worth.estimate.mean, digits)} ({notation.interval(worth.estimate, digits) or 'no interval'})"
    )
    if not worth.gains:
        return told, "–"
    gain = worth.gains[0]
    places = notation.digits_of(notation.metric(gain.metric), gain.estimate)
    reach = notation.interval(gain.estimate, places)
    plus = "+" if (gain.estimate.mean or 0) > 0 else ""
    p = f", {notation.p_value(gain.p)}" if gain.p is not None else ""
    return told, f"{plus}{notation.number(gain.estimate.mean, places)} ({reach or 'no interval'}{p})"
