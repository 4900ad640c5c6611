"""The command line. It translates: options to a call of `scanwright.api`, errors to exit codes, progress to lines.

A verb's torch and data libraries are imported when the verb runs, so that `--help` answers at once. Results go to standard
output (`--json`: one JSON object, for an error too), all else to standard error. Exit codes: see `scanwright.errors`; 130
after Ctrl-C.
"""

import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.exceptions import TyperException

from scanwright import data_commands, model_commands, search_commands
from scanwright.ending import finish, said, verbs_of
from scanwright.errors import InputError, UsageError
from scanwright.metric_lines import metric_lines
from scanwright.options import (
    Data,
    Device,
    Exclude,
    Folds,
    Json,
    Layout,
    Out,
    Restart,
    Seed,
    Split,
    Values,
    Waive,
    Wanted,
    folder_path,
    parse_duration,
)
from scanwright.runtime import share_cores
from scanwright.screen import Screen

app = typer.Typer(
    name="scanwright",
    help="From a folder of medical scans to an evaluated model, a report and a package. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(data_commands.app)
verb = verbs_of(app)


@verb
def train(
    data: Data,
    out: Out,
    budget: Annotated[str | None, typer.Option(help="Wall time for everything: 90s, 10m, 1h30m.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps a fold, instead of a budget.")] = None,
    model: Annotated[
        Literal["auto", "cnn", "cnn-rnn", "svm"],
        typer.Option(help="What learns whole images: a network, or an SVM on features."),
    ] = "auto",
    from_: Annotated[
        Path | None, typer.Option("--from", help="Begin from a package's network, or from a .safetensors file.")
    ] = None,
    folds: Folds = 5,
    fold: Annotated[int | None, typer.Option(help="Train this fold only.")] = None,
    split: Split = None,
    set_: Values = None,
    plan_values: Annotated[
        Path | None,
        typer.Option(
            "--plan-values", help="A file of plan values, such as the tuned.json of tune; --set goes before it."
        ),
    ] = None,
    exclude: Exclude = None,
    waive: Waive = None,
    layout: Layout = None,
    task: Wanted = None,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Also train models with one thing taken away each, and report them.")
    ] = False,
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Also train on shares of the cases: would more of them help?")
    ] = False,
    device: Device = "auto",
    seed: Seed = 0,
    restart: Restart = False,
    json_: Json = False,
) -> None:
    """Train, evaluate, report and package a model. The same command goes on where it stopped."""
    began = time.monotonic()  # what loads the libraries counts too
    from scanwright.plan.settings import Settings, parse_set, read_caveats, read_values

    if budget is not None and steps is not None:
        raise UsageError("--budget and --steps exclude each other", hint="Give one of the two.")
    settings = Settings(
        budget_s=None if budget is None else parse_duration(budget),
        steps=steps,
        folds=folds,
        fold=fold,
        model=model,
        seed=seed,
        values=({} if plan_values is None else read_values(plan_values)) | parse_set(set_ or []),
        caveats=() if plan_values is None else read_caveats(plan_values),
    )
    screen = Screen()
    with screen:
        from scanwright.api.make_model import train as run

        result = run(
            data,
            out=out,
            settings=settings,
            layout=layout,
            task=task,
            exclude=exclude or [],
            split=split,
            waive=waive or [],
            begin_from=from_,
            ablation=ablation,
            learning_curve=learning_curve,
            device=device,
            restart=restart,
            tell=screen.tell,
            began=began,
        )
    finish(trained_lines(result), trained_json(result), as_json=json_)


@verb
def inspect(
    data: Data,
    layout: Layout = None,
    task: Wanted = None,
    exclude: Exclude = None,
    split: Split = None,
    waive: Waive = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not judge labels by a quick model, which takes longest.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", parser=folder_path, metavar="<path>", help="Folder for inspect.html and checks.json."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Say what a data set is and what is wrong with it; exit code 4, or 5 for policy, if that would stop a run."""
    screen = Screen()
    with screen:
        from scanwright.api.look import doubt_lines, fault_lines, list_series, series_text, told_summary, ways_lines
        from scanwright.api.look import inspect as run

        try:
            result = run(
                data,
                out=out,
                layout=layout,
                task=task,
                exclude=exclude or [],
                split=split,
                waive=waive or [],
                quick=quick,
                tell=screen.tell,
            )
        except InputError as error:  # DICOM that is no data set can be listed all the same
            listed = list_series(data, layout=layout)
            if listed.volumes and json_:
                fields = error.fields() | listed.to_json()
                raise typer.Exit(said(error.lines(), fields, error.exit_code, as_json=True)) from error
            if listed.volumes:
                finish(series_text(listed), None, as_json=False)
                error.details = ()
            raise
    lines = [
        *series_text(result.series),
        result.dataset.stated,
        *fault_lines(result.checks),
        *doubt_lines(result.survey),
        *ways_lines(result.checks),
    ]
    lines += [told_summary(result.checks), *([f"page     {result.page}"] if result.page else [])]
    finish(lines, result.to_json(), as_json=json_)
    if result.checks.errors:
        raise typer.Exit(5 if all(fault.policy for fault in result.checks.errors) else 4)


@verb
def demo(
    out: Out,
    budget: Annotated[str, typer.Option(help="Wall time for everything after the images are drawn.")] = "150s",
    device: Device = "auto",
    json_: Json = False,
) -> None:
    """Run everything on generated scans: data set, training, evaluation, report, package."""
    screen = Screen()
    with screen:
        from scanwright.api.look import demo as run

        result = run(out, budget_s=parse_duration(budget), device=device, tell=screen.tell)
    finish(trained_lines(result), trained_json(result), as_json=json_)


@verb
def phantom(
    out: Out,
    modality: Annotated[Literal["mr", "ct", "xray", "us"], typer.Option(help="What kind of scan.")] = "mr",
    task: Annotated[
        Literal["segmentation", "classification", "regression", "detection"], typer.Option(help="What is true of it.")
    ] = "segmentation",
    format_: Annotated[
        Literal["nifti", "png", "dicom"] | None,
        typer.Option("--format", help="Format of the images; NIfTI, or PNG of pictures."),
    ] = None,
    subjects: Annotated[int, typer.Option(help="How many, 1 to 999; every sixth is scanned twice.")] = 24,
    seed: Seed = 0,
    fault: Annotated[list[str] | None, typer.Option(help="Plant this fault. May be given again.")] = None,
    part: Annotated[
        Literal["abdomen", "chest", "head"], typer.Option(help="Of the body; chest and head in MR and CT with labels.")
    ] = "abdomen",
    json_: Json = False,
) -> None:
    """Draw a cohort of generated scans with known truth; faults can be planted to see what the checks find."""
    screen = Screen()
    with screen:
        from scanwright.api.phantom import make_phantom_cohort as run

        result = run(
            out,
            modality=modality,
            task=task,
            format=format_,
            subjects=subjects,
            seed=seed,
            faults=fault or [],
            part=part,
            tell=screen.tell,
        )
    finish(result.lines(), result.to_json(), as_json=json_)


app.registered_commands += model_commands.app.registered_commands
app.registered_commands += search_commands.app.registered_commands


def trained_lines(result: Any) -> list[str]:
    """What a finished run says: the numbers, and where things lie."""
    over = round(result.over_budget_s)
    took = f"time     {result.elapsed_s:.0f} s" + (f", {over} s over the budget" if over else "")
    return [*metric_lines(result.metrics), f"report   {result.report}", f"package  {result.package}", took]


def trained_json(result: Any) -> dict[str, Any]:
    """The same as data."""
    return {
        "run": str(result.folder),
        "report": str(result.report),
        "package": str(result.package),
        "digest": result.digest,
        "elapsed_s": round(result.elapsed_s, 2),
        "over_budget_s": round(result.over_budget_s, 2),
        "metrics": result.metrics,
    }


def main() -> None:
    """The console script."""
    share_cores()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to fail
    sys.exit(exit_code())


def exit_code(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (the process's own if none is given) and give its exit code; nothing is raised."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        app(args=given, standalone_mode=True)
    except SystemExit as stop:
        code, wrong = stop.code if isinstance(stop.code, int) else 1, stop.__context__
        if isinstance(wrong, TyperException) and "--json" in given:  # the words are on standard error already
            finish([], {"error": "UsageError", "message": wrong.format_message(), "exit_code": code}, as_json=True)
        return code
    return 0


if __name__ == "__main__":
    main()
