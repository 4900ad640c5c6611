"""The commands `scanwright data …`: data sets kept in versions, compared, joined, enlarged, looked at and described.

They translate as `cli` does: options to a call of `scanwright.api`, its result to lines or one JSON object.
"""

from pathlib import Path
from typing import Annotated

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
    Seed,
    Wanted,
)
from scanwright.screen import Screen

app = typer.Typer(
    name="data",
    help="Grow a data set: versions, differences, merging, pseudo-labels, and its card.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
verb = verbs_of(app)

OutFile = Annotated[Path, typer.Option("-o", "--out", metavar="<path>", help="File for the result.")]


@verb
def version(data: Data, out: OutFile, layout: Layout = None, task: Wanted = None, json_: Json = False) -> None:
    """Write what a data set holds, as hashes: a version to keep and to compare with."""
    screen = Screen()
    with screen:
        from scanwright.api.versions import version as run

        made = run(data, out, layout=layout, task=task, tell=screen.tell)
    unread = sum(entry.content is None for entry in made.cases.values())
    lines = [f"{out}  {len(made.cases)} cases, digest {made.digest}"]
    lines += [f"{unread} cases cannot be read; scanwright inspect says why"] if unread else []
    data_json = {"file": str(out), "digest": made.digest, "cases": len(made.cases), "unread": unread}
    finish(lines, data_json, as_json=json_)


@verb
def diff(
    old: Annotated[Path, typer.Argument(help="A data set, or a version of one.")],
    new: Annotated[Path, typer.Argument(help="A data set, or a version of one.")],
    json_: Json = False,
) -> None:
    """Say what differs between two data sets or versions: cases, images, labels, patients, sides, tasks."""
    screen = Screen()
    with screen:
        from scanwright.api.versions import diff as run

        found = run(old, new, tell=screen.tell)
    finish(found.difference.lines(), found.to_json(), as_json=json_)


Sources = Annotated[list[Path], typer.Argument(help="Data sets: folders, tables or archives in any layout.")]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="<source:old=new>", help="Map names: B:tumor=tumour,2=, or a JSON file. May be given again."
    ),
]
SamePatients = Annotated[
    bool, typer.Option("--same-patients", help="Patients of one name are one person in all of them.")
]
Link = Annotated[bool, typer.Option("--link", help="Link files instead of copying them; both are then one file.")]


@verb
def merge(
    sources: Sources,
    out: Out,
    map_: Map = None,
    same_patients: SamePatients = False,
    exclude: Exclude = None,
    link: Link = False,
    json_: Json = False,
) -> None:
    """Put data sets into one folder, labels and classes by name. The same command goes on where it stopped."""
    screen = Screen()
    with screen:
        from scanwright.api.grow import merge as run

        made = run(
            sources,
            out=out,
            mappings=map_ or [],
            same_patients=same_patients,
            exclude=exclude or [],
            link=link,
            tell=screen.tell,
        )
    finish(made.lines(), made.to_json(), as_json=json_)


@verb
def append(
    data: Annotated[Path, typer.Argument(help="A folder that data merge made.")],
    sources: Sources,
    map_: Map = None,
    same_patients: SamePatients = False,
    exclude: Exclude = None,
    link: Link = False,
    json_: Json = False,
) -> None:
    """Add cases to a merged data set; nothing in it is changed. The same command goes on where it stopped."""
    screen = Screen()
    with screen:
        from scanwright.api.grow import append as run

        made = run(
            data,
            sources,
            mappings=map_ or [],
            same_patients=same_patients,
            exclude=exclude or [],
            link=link,
            tell=screen.tell,
        )
    finish(made.lines(), made.to_json(), as_json=json_)


@verb
def preview(
    data: Data,
    out: OutFile,
    plan: Annotated[
        Path | None, typer.Option(help="A run's plan.json, instead of the plan that train would make.")
    ] = None,
    cases: Annotated[int, typer.Option(min=1, max=12, help="How many cases.")] = 3,
    samples: Annotated[int, typer.Option(min=1, max=8, help="How many patches of each.")] = 5,
    layout: Layout = None,
    task: Wanted = None,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Draw what random changes in training make of a few cases: a .png or .html file."""
    screen = Screen()
    with screen:
        from scanwright.api.preview import preview as run

        made = run(
            data, out, plan=plan, cases=cases, samples=samples, layout=layout, task=task, seed=seed, tell=screen.tell
        )
    finish([f"{made.file}  {', '.join(made.cases)}"], made.to_json(), as_json=json_)


@verb
def card(data: Data, out: OutFile, layout: Layout = None, task: Wanted = None, json_: Json = False) -> None:
    """Write a data set's card (a datasheet): a .md, .html or .json file. People's part comes from datasheet.json beside it."""
    screen = Screen()
    with screen:
        from scanwright.api.data.card import card as run

        made = run(data, out, layout=layout, task=task, tell=screen.tell)
    left = len(made.sheet.open_keys)
    lines = [f"{made.file}  version {made.sheet.digest[:16]}…"]
    lines += (
        [f"{left} questions wait for an answer in datasheet.json, such as {made.sheet.open_keys[0]}"] if left else []
    )
    finish(lines, made.to_json(), as_json=json_)


@verb
def pseudo(
    model: Annotated[Path, typer.Argument(help="A package, model.swm.")],
    scans: Annotated[list[Path], typer.Argument(help="Scans without labels, or folders of them.")],
    labelled: Annotated[Path, typer.Option(help="The labelled data set on which the gain is tested.")],
    out: Out,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each training of the trial; there are two a fold.")],
    folds: Folds = 3,
    confidence: Annotated[float, typer.Option(min=0, max=1, help="Least expected Dice of a scan that is taken.")] = 0.9,
    same_patients: SamePatients = False,
    seed: Seed = 0,
    device: Device = "auto",
    json_: Json = False,
) -> None:
    """Label scans with a model; the labels are kept only if training on such labels is seen to gain on labelled cases."""
    screen = Screen()
    with screen:
        from scanwright.api.pseudo import pseudo as run

        made = run(
            model,
            scans,
            labelled=labelled,
            out=out,
            steps=steps,
            folds=folds,
            confidence=confidence,
            same_patients=same_patients,
            seed=seed,
            device=device,
            tell=screen.tell,
        )
    finish(made.lines(), made.to_json(), as_json=json_)
