"""The commands that search for hyper-parameters: they translate as `cli` does."""

import time
from typing import Annotated, Literal

import typer

from scanwright.ending import finish, verbs_of
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
    parse_duration,
)
from scanwright.screen import Screen

app = typer.Typer(rich_markup_mode=None)
verb = verbs_of(app)

Held = Annotated[
    list[str] | None, typer.Option("--set", help="Hold a plan value fixed: batch.size=4. May be given again.")
]


@verb
def tune(
    data: Data,
    out: Out,
    budget: Annotated[str, typer.Option(help="Wall time for everything: 30m, 2h.")] = "1h",
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of a whole training, instead of what the budget allows.")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="At most so many trials.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Trials at a time, each in a process of its own.")] = 1,
    storage: Annotated[
        str | None, typer.Option(help="URL of a database for the study; by default a file in the run folder.")
    ] = None,
    model: Annotated[
        Literal["auto", "cnn", "cnn-rnn", "svm"], typer.Option(help="What learns whole images, and is tuned.")
    ] = "auto",
    folds: Annotated[int, typer.Option(min=2, max=20, help="How many outer folds.")] = 5,
    fold: Annotated[int, typer.Option(min=0, help="The outer fold whose held-out cases tuning does not see.")] = 0,
    split: Split = None,
    set_: Held = None,
    exclude: Exclude = None,
    waive: Waive = None,
    layout: Layout = None,
    task: Wanted = None,
    device: Device = "auto",
    seed: Seed = 0,
    restart: Restart = False,
    json_: Json = False,
) -> None:
    """Tune a plan without peeking; keep the default unless cases that tuning did not see gain by it."""
    began = time.monotonic()  # what loads the libraries counts too
    from scanwright.plan.settings import Settings, parse_set

    settings = Settings(steps=steps, folds=folds, fold=fold, model=model, seed=seed, values=parse_set(set_ or []))
    screen = Screen()
    with screen:
        from scanwright.api.tune import tune as run

        result = run(
            data,
            out=out,
            budget_s=parse_duration(budget),
            settings=settings,
            trials=trials,
            jobs=jobs,
            storage_url=storage,
            layout=layout,
            task=task,
            exclude=exclude or [],
            split=split,
            waive=waive or [],
            device=device,
            restart=restart,
            tell=screen.tell,
            began=began,
        )
    finish(result.lines(), result.to_json(), as_json=json_)


@verb
def find_rate(
    data: Data,
    out: Out,
    steps: Annotated[int, typer.Option(min=20, max=2000, help="Steps of the ramp.")] = 150,
    model: Annotated[Literal["auto", "cnn", "cnn-rnn"], typer.Option(help="What learns whole images.")] = "auto",
    folds: Folds = 5,
    fold: Annotated[int, typer.Option(min=0, help="The fold whose training cases are used.")] = 0,
    split: Split = None,
    set_: Values = None,
    exclude: Exclude = None,
    waive: Waive = None,
    layout: Layout = None,
    task: Wanted = None,
    device: Device = "auto",
    seed: Seed = 0,
    restart: Restart = False,
    json_: Json = False,
) -> None:
    """Suggest a learning rate by a short ramp, and say how it compares with the planned one."""
    from scanwright.plan.settings import Settings, parse_set

    settings = Settings(folds=folds, fold=fold, model=model, seed=seed, values=parse_set(set_ or []))
    screen = Screen()
    with screen:
        from scanwright.api.find_rate import find_rate as run

        result = run(
            data,
            out=out,
            ramp_steps=steps,
            settings=settings,
            layout=layout,
            task=task,
            exclude=exclude or [],
            split=split,
            waive=waive or [],
            device=device,
            restart=restart,
            tell=screen.tell,
        )
    finish(result.lines(), result.to_json(), as_json=json_)
