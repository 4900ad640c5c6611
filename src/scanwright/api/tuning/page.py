"""The page about a tuning: what was gained, what was chosen, what mattered, and every trial."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from scanwright.api.run.folder import Run
from scanwright.api.tuning.outer import DEFAULT, TUNED
from scanwright.api.tuning.results import NOTE, Results, gain_text
from scanwright.figures.tuning import Axis, TrialDot, history_plot, importance_plot, parallel_plot, slice_plot
from scanwright.report.data_content import Plot, Section, Table
from scanwright.report.html import words_of
from scanwright.report.notation import NOT_DEFINED, duration, metric, number
from scanwright.report.results_content import Fact
from scanwright.report.tuning_content import TuningReport, build
from scanwright.search.importance import LEAST_TRIALS
from scanwright.search.parameter import Parameter, text_of
from scanwright.search.study import COMPLETE, FAIL, PRUNED, trials_in
from scanwright.search.trials import ENDED, SECONDS, STEPS

MOST_ROWS = 60
"""Trials that the page lists; all stand in trials.csv."""
LEAST_PICTURED = 3


def page_of(run: Run, results: Results, found: Mapping[str, Any]) -> str:
    """report.html."""
    return build(content_of(run, results, found))


def content_of(run: Run, results: Results, found: Mapping[str, Any]) -> TuningReport:
    """Everything that the page says."""
    outer = results.said.outer
    held = outer.splits.folds[found["outer_fold"]].validation
    patients = len({outer.owners[name] for name in held})
    return TuningReport(
        title=outer.dataset.task.name,
        created=datetime.now(UTC),
        kept=results.verdict.kept,
        metric=called(found["gain"][0]["metric"] if found["gain"] else found["metric"]),
        gain=gain_text(found["gain"], called=called),
        scope=f"{len(held)} cases of {patients} patients of outer fold {found['outer_fold']}, which no trial saw",
        verdict=results.verdict.reason,
        command=found["command"],
        lead=tuple(lead(results, found)),
        facts=tuple(facts(run, results, found)),
        sections=tuple(sections(results, found)),
        limits=tuple(limits(results, found)),
        provenance=(
            Fact(name="Scanwright", value=version("scanwright")),
            Fact(name="Command", value=results.said.line),
            Fact(name="Machine", value=f"{results.machine.device_name}, {results.machine.threads} threads"),
        ),
    )


def lead(results: Results, found: Mapping[str, Any]) -> Iterator[str]:
    """What was done, in a few sentences."""
    trials = found["trials"]
    yield (
        f"{trials['all']} trials, the default plan among them: {trials['finished']} were trained and judged on all "
        f"{len(results.inner.folds)} inner folds, {trials['pruned']} were ended early. The best one and the default were then "
        "trained on the whole training part and judged once on cases that were set apart before tuning began."
    )
    if found["test"].get("gain"):
        yield f"On the declared test split, which chose nothing: {gain_text(found['test']['gain'], called=called)}."
    yield "Train with the plan that is kept:"


def facts(run: Run, results: Results, found: Mapping[str, Any]) -> Iterator[Fact]:
    """The numbers that matter."""
    digits = metric(found["metric"]).digits
    for name in (DEFAULT, TUNED):
        if name in found["held_out"]:
            value = found["held_out"][name]
            reach = "" if value["ci95"] is None else " [{}–{}]".format(*(number(end, digits) for end in value["ci95"]))
            yield Fact(
                name=f"{name.capitalize()} plan",
                value=f"{called(found['metric'])} {number(value['mean'], digits)}{reach}",
            )
    best, default = found["best_trial"], found["default_trial"]
    if best is not None and best["number"] and default is not None:
        shown = f"{number(best['score'], digits)} against {number(default, digits)}"
        yield Fact(name="On inner folds", value=f"{shown}: too good, since the best of many was taken by it")
    yield Fact(name="Time", value=f"{duration(run.elapsed_s)} of {duration(results.budget_s)}")
    if found["steps"]:
        yield Fact(name="Steps of a training", value=str(found["steps"]))


def sections(results: Results, found: Mapping[str, Any]) -> Iterator[Section]:
    """What was chosen; what mattered; how the search went; the trials."""
    yield chosen_section(results, found)
    if known(results):
        yield importance_section(results, found)
        yield history_section(results, found)
    yield trials_section(results, found)


def chosen_section(results: Results, found: Mapping[str, Any]) -> Section:
    """Each parameter: planned, of the best trial, and the range with its reason."""
    point = found["best_trial"]["point"] if found["best_trial"] else {}
    rows = [
        (
            one.title,
            text_of(one.planned),
            text_of(point[one.name]) if one.name in point else NOT_DEFINED,
            one.stated,
            one.why,
        )
        for one in results.space
    ]
    changed = frozenset(k for k, one in enumerate(results.space) if point.get(one.name, one.planned) != one.planned)
    what = "is kept" if results.verdict.kept else "is not kept"
    return Section(
        id="chosen",
        title="What was tuned",
        lead=f"The range of each parameter lies around what is planned. The best trial’s plan {what}.",
        tables=(
            Table(
                caption="Parameters, with those marked in which the best trial differs from the default plan.",
                head=("Parameter", "Planned", "Best trial", "Range", "Why"),
                rows=tuple(rows),
                marked=changed,
            ),
        ),
    )


def importance_section(results: Results, found: Mapping[str, Any]) -> Section:
    """How much each parameter mattered, and the score over each."""
    shares = {name: share for name, share in found["importance"].items() if share is not None}
    titles = {one.name: one.title for one in results.space}
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    first = results.rungs[0].stated
    few = f"Fewer than {LEAST_TRIALS} trials, or all with one score: which parameter mattered cannot be told."
    plots = []
    if ranked:
        panel = importance_plot([(titles[name], share) for name, share in ranked], x_label="share of the variance")
        caption = f"Functional analysis of variance of the scores on {first}, where all trials were judged alike."
        plots.append(Plot(panels=(panel,), caption=caption))
    scores = [one.intermediate_values[results.rungs[0].resource] for one in known(results)]
    axes = [axis_of(one, results) for one in results.space]
    if len(scores) >= LEAST_PICTURED:
        panels = tuple(slice_plot(axis, scores, y_label=called(found["metric"])) for axis in axes)
        plots.append(
            Plot(panels=panels, caption=f"Every trial’s {called(found['metric'])} on {first}; dotted, what is planned.")
        )
        letters = "; ".join(f"{chr(ord('A') + place)} {axis.name}" for place, axis in enumerate(axes))
        better = metric(found["metric"]).better == "higher"
        together = parallel_plot(axes, scores, y_label=called(found["metric"]), higher_is_better=better)
        plots.append(Plot(panels=(together,), caption=f"Every trial through all its values. {letters}."))
    said = f"{titles[ranked[0][0]].capitalize()} mattered most." if ranked else few
    return Section(id="importance", title="What mattered", lead=said, plots=tuple(plots))


def history_section(results: Results, found: Mapping[str, Any]) -> Section:
    """How the search went."""
    rungs = [rung.stated for rung in results.rungs]
    panel = history_plot(dots(results, found), rungs=rungs, y_label=called(found["metric"]))
    names = ("orange", "light blue", "green", "pink")
    legend = ", ".join(f"{colour} {rung}" for colour, rung in zip(names, rungs, strict=False))
    caption = (
        f"Each trial on the last rung that it reached ({legend}); large, the default and the best; dashed, the default at the "
        "top. Scores of different rungs are of different cases and trainings, and are compared within a rung alone."
    )
    counts = [sum(len(one.intermediate_values) > place for one in known(results)) for place in range(len(rungs))]
    stood = "; ".join(f"{count} on {rung}" for count, rung in zip(counts, rungs, strict=True))
    lead = f"Trials that were judged: {stood}. One in three goes on, from its checkpoint."
    return Section(
        id="history", title="How the search went", lead=lead, plots=(Plot(panels=(panel,), caption=caption),)
    )


def trials_section(results: Results, found: Mapping[str, Any]) -> Section:
    """The trials, those that got furthest first."""
    digits = metric(found["metric"]).digits
    ended = trials_in(results.study, (COMPLETE, PRUNED, FAIL))
    sign = -1 if metric(found["metric"]).better == "higher" else 1

    def order(one: Any) -> tuple[int, float]:
        scores = list(one.intermediate_values.values())
        return -len(scores), sign * scores[-1] if scores else 0.0

    ranked = sorted(ended, key=order)[:MOST_ROWS]
    rows = []
    for one in ranked:
        scores = [one.intermediate_values.get(rung.resource) for rung in results.rungs]
        cells = [number(score, digits) if score is not None else "" for score in scores]
        who = f"{one.number}, default" if one.number == 0 else str(one.number)
        spent = duration(one.user_attrs.get(SECONDS))
        rows.append((who, *cells, spent, str(one.user_attrs.get(STEPS, "")), one.user_attrs.get(ENDED, "")))
    best = found["best_trial"]["number"] if found["best_trial"] else None
    more = f" {len(ended) - MOST_ROWS} more stand in trials.csv." if len(ended) > MOST_ROWS else ""
    return Section(
        id="trials",
        title="Trials",
        lead=f"Those that got furthest first.{more} All values stand in trials.csv.",
        tables=(
            Table(
                caption=f"{called(found['metric'])} on each rung; the best one is marked.",
                head=("Trial", *(rung.stated for rung in results.rungs), "Time", "Steps", "How it ended"),
                rows=tuple(rows),
                numeric=frozenset(range(1, len(results.rungs) + 3)),
                marked=frozenset(k for k, one in enumerate(ranked) if one.number == best),
            ),
        ),
    )


def limits(results: Results, found: Mapping[str, Any]) -> Iterator[str]:
    """What must be borne in mind."""
    yield NOTE
    yield (
        "That the better of two plans is kept by the outer fold makes its score there a little too good; the gain is what was "
        "measured, whichever is kept."
    )
    if found["steps"]:
        yield (
            f"Values were tuned for {results.base.settings.steps} steps of the default plan, and as much time for the others; "
            "a much longer training may want others, the learning rate first."
        )
    if found["gain"] and found["gain"][0]["ci95"] is None:
        yield "So few patients were held out that no interval can be given."
    yield "One outer fold is one draw of cases: what was gained there may be more or less elsewhere."


def called(key: str) -> str:
    """What a metric is called on pages."""
    words: Mapping[str, Any] = words_of("en")["metrics"]
    return str(words[key][0]) if key in words else key


def known(results: Results) -> list[Any]:
    """Trials that were judged at all, by number."""
    return [
        one
        for one in trials_in(results.study, (COMPLETE, PRUNED))
        if results.rungs[0].resource in one.intermediate_values
    ]


def axis_of(parameter: Parameter, results: Results) -> Axis:
    """A parameter with its value in each judged trial."""
    return Axis(
        name=parameter.title,
        values=[one.params.get(parameter.name) for one in known(results)],
        choices=parameter.choices,
        log=parameter.log,
        planned=parameter.planned,
    )


def dots(results: Results, found: Mapping[str, Any]) -> list[TrialDot]:
    """The judged trials as the history shows them."""
    best = found["best_trial"]["number"] if found["best_trial"] else None
    shown = []
    for one in known(results):
        scores = [
            one.intermediate_values[rung.resource] for rung in results.rungs if rung.resource in one.intermediate_values
        ]
        title = f"trial {one.number}: " + ", ".join(f"{score:.4g}" for score in scores)
        shown.append(
            TrialDot(
                number=one.number, scores=scores, title=title, is_default=one.number == 0, is_best=one.number == best
            )
        )
    return shown
