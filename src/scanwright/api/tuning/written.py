"""What tuning leaves in the run folder: tuned.json, trials.csv and report.html; and the command that trains with it."""

import csv
import io
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scanwright.api.run.folder import Run
from scanwright.api.tuning.outer import DEFAULT, TUNED
from scanwright.api.tuning.page import page_of
from scanwright.api.tuning.results import NOTE, Results, best_values, gain_text, headline_of, values_of
from scanwright.files import write_bytes, write_json
from scanwright.plan.settings import Settings
from scanwright.report.notation import duration
from scanwright.report.results_content import Difference, entry
from scanwright.search.importance import importances
from scanwright.search.study import COMPLETE, FAIL, PRUNED, trials_in
from scanwright.search.trials import ENDED, SECONDS, STEPS
from scanwright.types import JSON

TUNED_FILE, TRIALS_FILE, PAGE = "tuned.json", "trials.csv", "report.html"
NEW_FOLDER = "-trained"


def write(run: Run, **parts: Any) -> dict[str, Any]:
    """Write the three files; gives what tuned.json holds."""
    results = Results(**parts)
    shares = importances(results.study, results.space)
    found = tuned_json(run, results, shares)
    write_json(run.path(TUNED_FILE), found)
    write_bytes(run.path(TRIALS_FILE), trials_csv(results).encode())
    write_bytes(run.path(PAGE), page_of(run, results, found).encode())
    return found


def tuned_json(run: Run, results: Results, shares: Mapping[str, float | None]) -> dict[str, Any]:
    """Plain data: what is kept, its plan values, what was gained, the trials in numbers, importance and space."""
    kept, best, compared = results.verdict.kept, results.best, results.found
    values = values_of(results) if kept else {}
    steps = results.kept_plan.training.steps if results.base.settings.steps is not None else None
    (fold,) = results.said.outer.folds
    problem = results.default.study.problem
    return {
        "kept": TUNED if kept else DEFAULT,
        "reason": results.verdict.reason,
        "values": values,
        "steps": steps,
        "model": results.base.settings.model,
        "command": train_command(run, results, values=values, steps=steps),
        "metric": problem.primary,
        "outer_fold": fold,
        "held_out": {DEFAULT: entry(headline_of(results))}
        | ({} if compared is None else {TUNED: entry(compared.estimates[TUNED])}),
        "gain": [] if compared is None else [as_json(one) for one in compared.differences],
        "test": {}
        if compared is None
        else {
            **{name: entry(one) for name, one in compared.on_test.items()},
            "gain": [as_json(one) for one in compared.test_differences],
        },
        "best_trial": None
        if best is None
        else {"number": best.number, "score": best.value, "point": dict(best.params), "values": best_values(results)},
        "default_trial": next((one.value for one in trials_in(results.study, (COMPLETE,)) if one.number == 0), None),
        "trials": counts(results),
        "importance": dict(shares),
        "space": {
            one.name: {"planned": one.planned, "range": one.stated, "why": one.why, "title": one.title}
            for one in results.space
        },
        "note": NOTE,
        "elapsed_s": round(run.elapsed_s, 2),
        "budget_s": results.budget_s,
    }


def as_json(difference: Difference) -> dict[str, JSON]:
    """A difference: tuned less default."""
    part = {"part": difference.part} if difference.part else {}
    return {"metric": difference.metric, **part, **entry(difference.estimate), "p": difference.p}


def counts(results: Results) -> dict[str, int]:
    """Trials by how they ended."""
    ends = {"finished": COMPLETE, "pruned": PRUNED, "failed": FAIL}
    numbers = {word: len(trials_in(results.study, (state,))) for word, state in ends.items()}
    return {"all": sum(numbers.values()), **numbers}


def train_command(run: Run, results: Results, *, values: Mapping[str, JSON], steps: int | None) -> str:
    """The one command that trains with the plan that is kept."""
    asked, settings = results.said.asked, results.said.settings
    words = ["scanwright", "train", str(asked.data), "-o", f"{run.folder}{NEW_FOLDER}"]
    words += ["--plan-values", str(run.path(TUNED_FILE))] if values else []
    words += [] if steps is None else ["--steps", str(steps)]
    words += ["--model", str(settings.model)] if settings.model != "auto" else []
    words += ["--layout", asked.layout] if asked.layout else []
    words += ["--task", asked.task] if asked.task else []
    words += ["--split", str(asked.split)] if asked.split else []
    words += ["--folds", str(settings.folds)] if settings.folds != Settings().folds else []
    words += ["--seed", str(settings.seed)] if settings.seed else []
    words += [word for name in asked.exclude for word in ("--exclude", name)]
    words += [word for text in asked.waive for word in ("--waive", text)]
    return shlex.join(words)


def trials_csv(results: Results) -> str:
    """A row a trial: how it ended, its score on each rung, its seconds and steps, and the value of each parameter."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = [one.name for one in results.space]
    writer.writerow(["trial", "state", *(rung.stated for rung in results.rungs), "seconds", "steps", *names, "ended"])
    for one in trials_in(results.study, (COMPLETE, PRUNED, FAIL)):
        scores = [one.intermediate_values.get(rung.resource) for rung in results.rungs]
        writer.writerow(
            [
                one.number,
                one.state.name.lower(),
                *("" if score is None else f"{score:.9g}" for score in scores),
                one.user_attrs.get(SECONDS, ""),
                one.user_attrs.get(STEPS, ""),
                *(one.params.get(name, "") for name in names),
                one.user_attrs.get(ENDED, ""),
            ]
        )
    return stream.getvalue()


def lines(found: Mapping[str, Any], *, report: Path, command: str, elapsed_s: float) -> list[str]:
    """What the console says at the end."""
    trials = found["trials"]
    said = [f"trials   {trials['all']}: {trials['finished']} finished, {trials['pruned']} ended early"]
    if found["gain"]:
        said.append(
            f"gain     {gain_text(found['gain'])}, on held-out cases of fold {found['outer_fold']} that tuning did not see"
        )
    if found["test"].get("gain"):
        said.append(f"         {gain_text(found['test']['gain'])}, on the test split, which chose nothing")
    said += [f"kept     {found['kept']} plan: {found['reason']}", f"report   {report}"]
    return [*said, f"time     {duration(elapsed_s)}", "train with it:", f"  {command}"]
