"""The commands that use a package, or make features as one would: they translate as `cli` does."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from scanwright.ending import finish, verbs_of
from scanwright.metric_lines import evaluated_lines
from scanwright.options import LANGUAGE, Data, Device, Exclude, Json, Layout, Out, Wanted, require_report
from scanwright.screen import Screen

app = typer.Typer(rich_markup_mode=None)
verb = verbs_of(app)


@verb
def predict(
    model: Annotated[Path, typer.Argument(help="A package, model.swm.")],
    scans: Annotated[list[Path], typer.Argument(help="Scans, or folders of scans.")],
    out: Out,
    format_: Annotated[
        Literal["auto", "nifti", "png", "dicom", "dicom-labelmap", "rtstruct"],
        typer.Option("--format", help="Format of the labels."),
    ] = "auto",
    explain: Annotated[bool, typer.Option("--explain", help="Draw what the answer to a whole image rests on.")] = False,
    explain_by: Annotated[
        Literal["auto", "grad-cam", "integrated-gradients", "smoothgrad", "occlusion"] | None,
        typer.Option("--explain-by", help="The same by this method; auto is the one that suits."),
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="Write a page for a clinician: HTML, PDF and JSON.")] = False,
    prior: Annotated[
        list[Path] | None,
        typer.Option(help="An earlier study of the patient, to compare with; again for each further channel."),
    ] = None,
    outlines: Annotated[
        Path | None,
        typer.Option(help="Masks of the scans, for a model of radiomic features: a folder, or the one file."),
    ] = None,
    regions: Annotated[
        Path | None, typer.Option(help="A second package, a segmentation: tell in which of its regions things lie.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Do not answer scans that the model was not made for; exit code 5.")
    ] = False,
    language: Annotated[str, typer.Option(help="Of the report: en, zh, or a site's own.")] = LANGUAGE,
    patient: Annotated[bool, typer.Option("--patient", help="Tell in the report whose study it is.")] = False,
    template: Annotated[Path | None, typer.Option(help="A folder with a site's own report templates.")] = None,
    device: Device = "auto",
    json_: Json = False,
) -> None:
    """Answer scans with a package: labels on each scan's own grid, classes, or quantities."""
    screen = Screen()
    with screen:
        if not report:
            require_report(language=language, template=template, patient=patient)
        from scanwright.api.case.study_report import StudyOptions
        from scanwright.api.use_model import predict as run

        options = StudyOptions(language=language, site=template, patient=patient) if report else None
        results = run(
            model,
            scans,
            out=out,
            format=format_,
            explain=explain_by or explain,
            report=options,
            prior=prior or (),
            outlines=outlines,
            regions=regions,
            strict=strict,
            device=device,
            tell=screen.tell,
        )
    lines = []
    for result in results:
        mark = {"inside": "", "border": "  ! border of range", "outside": "  ! OUT OF RANGE"}[result.range.level]
        lines.append(f"{result.file}  {result.line}  ({result.seconds:.1f} s){mark}")
    finish(lines, {"predictions": [one.to_json() for one in results]}, as_json=json_)


@verb
def evaluate(
    predictions: Annotated[Path, typer.Argument(help="Folder of predicted labels, or a package.")],
    data: Annotated[Path, typer.Argument(help="Data set with the true labels.")],
    out: Out,
    layout: Layout = None,
    task: Wanted = None,
    device: Device = "auto",
    json_: Json = False,
) -> None:
    """Score predictions, or a package, against the labels of a data set, with a page of the results."""
    screen = Screen()
    with screen:
        from scanwright.api.score_model import evaluate as run

        metrics = run(predictions, data, out=out, layout=layout, task=task, device=device, tell=screen.tell)
    finish([*evaluated_lines(metrics), f"report   {out / 'report.html'}"], metrics, as_json=json_)


@verb
def ensemble(
    runs: Annotated[list[Path], typer.Argument(help="Folders of finished trainings of the same data and folds.")],
    out: Out,
    most_passes: Annotated[
        int | None, typer.Option("--most-passes", min=1, help="Forward passes that the package may take at most.")
    ] = None,
    most_ms: Annotated[
        float | None, typer.Option("--most-ms", help="Milliseconds a case, measured here, at most.")
    ] = None,
    most_mb: Annotated[float | None, typer.Option("--most-mb", help="Megabytes of weights at most.")] = None,
    device: Device = "auto",
    json_: Json = False,
) -> None:
    """Build full and semi ensembles of runs, compare gain and cost in one table, and package the best."""
    screen = Screen()
    with screen:
        from scanwright.api.ensemble.ensemble_runs import ensemble as run
        from scanwright.api.ensemble.telling import table_lines

        result = run(
            runs,
            out=out,
            most_passes=most_passes,
            most_ms=most_ms,
            most_mb=most_mb,
            device=device,
            tell=screen.tell,
        )
    lines = [*table_lines(result.report), f"report   {result.page}", f"package  {result.package}"]
    finish(lines, result.to_json(), as_json=json_)


@verb
def compare(
    models: Annotated[
        list[Path], typer.Argument(help="Runs, folders that evaluate wrote, or packages; each may be NAME=PATH.")
    ],
    out: Out,
    against: Annotated[str | None, typer.Option(help="Hold every model against this one only, by its name.")] = None,
    margin: Annotated[
        float | None, typer.Option(help="Within which models count as the same, in the unit of the measure.")
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="Compare the cases that all judged, if they differ.")
    ] = False,
    on: Annotated[
        Literal["auto", "cross-validation", "test"], typer.Option(help="Which cases of a run are compared.")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of draws and permutations.")] = 0,
    json_: Json = False,
) -> None:
    """Hold models against each other on the same cases: paired tests, and a ranking with its stability."""
    screen = Screen()
    with screen:
        from scanwright.api.compare import PAGE
        from scanwright.api.compare import compare as run
        from scanwright.api.compare_lines import compared_lines

        result = run(models, out=out, against=against, margin=margin, common=common, on=on, seed=seed, tell=screen.tell)
    finish([*compared_lines(result), f"report   {out / PAGE}"], result, as_json=json_)


@verb
def verify(model: Annotated[Path, typer.Argument(help="A package, model.swm.")], json_: Json = False) -> None:
    """Check a package byte by byte, without running anything of it."""
    from scanwright.api.use_model import verify as run

    result = run(model)
    finish([f"{model} is whole, SHA-256 {result['digest']}"], result, as_json=json_)


@verb
def features(
    data: Data,
    out: Out,
    kind: Annotated[
        Literal["radiomic", "fixed", "deep"] | None,
        typer.Option(help="Radiomic of label maps, fixed of whole images, or deep of a package. By default what fits."),
    ] = None,
    model: Annotated[Path | None, typer.Option("--from", help="A package, model.swm, for deep features.")] = None,
    spacing: Annotated[float | None, typer.Option(help="Radiomic: voxel edge to resample to, in mm.")] = None,
    bins: Annotated[int | None, typer.Option(help="Radiomic: number of bins of grey values.")] = None,
    bin_width: Annotated[
        float | None, typer.Option("--bin-width", help="Radiomic: width of a bin, with --range.")
    ] = None,
    range_: Annotated[
        str | None, typer.Option("--range", help="Radiomic: grey values that count, as -200,300.")
    ] = None,
    by_slice: Annotated[bool, typer.Option("--by-slice", help="Radiomic: textures slice by slice.")] = False,
    layout: Layout = None,
    exclude: Exclude = None,
    device: Device = "auto",
    json_: Json = False,
) -> None:
    """Write a table of features of each image, as CSV and Parquet, with the settings that made it."""
    given = {"spacing": spacing, "bins": bins, "bin_width": bin_width, "range": range_, "by_slice": by_slice or None}
    screen = Screen()
    with screen:
        from scanwright.api.feature_table import features as run
        from scanwright.api.feature_table import settings_of

        result = run(
            data,
            out=out,
            kind=kind,
            model=model,
            settings=settings_of({name: value for name, value in given.items() if value is not None}),
            layout=layout,
            exclude=exclude or [],
            device=device,
            tell=screen.tell,
        )
    finish(result.lines(), result.to_json(), as_json=json_)
