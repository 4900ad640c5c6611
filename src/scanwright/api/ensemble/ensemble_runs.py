"""The verb `ensemble`: all that runs allow is built of them and held against the best single model, and the best is kept.

Full ensembles pool independent trainings, semi ensembles several opinions of one. Each case is answered by networks that have
not learned from it, and whatever was chosen for a fold was chosen on the others. See docs/how-to/ensemble.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from scanwright.api.ensemble.candidates import Built, Candidate, build
from scanwright.api.ensemble.cost import Limits, measured
from scanwright.api.ensemble.opinions import FOLDER, Opinions
from scanwright.api.ensemble.packing import write_package
from scanwright.api.ensemble.sources import Sources, open_sources
from scanwright.api.ensemble.table import SEED, Judged, best_of, best_single, headline, judge, judge_all, table_of
from scanwright.api.ensemble.telling import report_of
from scanwright.api.run.lock import alone
from scanwright.errors import UsageError
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.summaries.summary import CHOSEN_WITHOUT
from scanwright.files import require_writable, write_bytes, write_json
from scanwright.problem.known import MakeKind
from scanwright.protocols import Listener, Progress, silent
from scanwright.report.ensemble_content import EnsembleReport
from scanwright.report.ensemble_page import build as build_page
from scanwright.report.results_content import Estimate, entry, estimate
from scanwright.runtime import DeviceName, choose_device, command_line, num_threads

RECORD, PAGE, PACKAGE = "ensemble.json", "ensemble.html", "model.swm"
OWN = {RECORD, PAGE, PACKAGE, FOLDER, "weights", "metrics.json", "cases.csv", ".lock", "runs.json"}
"""What lies in the folder of an ensemble, and is overwritten; a folder with anything else is none."""


@dataclass(frozen=True, slots=True)
class Ensembled:
    """What the verb leaves: its folder, the table, the metrics of what is kept, the page and the package."""

    folder: Path
    report: EnsembleReport
    metrics: Mapping[str, Any]
    page: Path
    package: Path
    digest: str

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "folder": str(self.folder),
            "report": str(self.page),
            "package": str(self.package),
            "digest": self.digest,
            "kept": self.report.kept.name,
            "summary": list(self.report.summary),
            "rows": [row.to_json() for row in self.report.rows],
            "metrics": dict(self.metrics),
        }


def ensemble(
    runs: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    most_passes: int | None = None,
    most_ms: float | None = None,
    most_mb: float | None = None,
    device: DeviceName = "auto",
    problem: MakeKind | None = None,
    tell: Listener = silent,
    command: str | None = None,
) -> Ensembled:
    """Build every ensemble that runs allow, measure gain and cost, and keep the best under a cost.

    runs: folders of `train`, of the same data, task and folds; a second one is trained with --split RUN/splits.json and another
    --seed, --model or --set. out: a new folder, or one of an earlier call, whose answers are used again as far as they are of
    the same weights. most_passes, most_ms, most_mb: what the package may cost: forward passes of an image or window, measured
    milliseconds a case, megabytes of weights. problem: as of `train`.

    Raises UsageError for runs that do not fit together, with the reason, and for a cost that nothing is under; InputError,
    IntegrityError and ResourceError as reading, answering and writing raise them.
    """
    folders = [Path(run) for run in ([runs] if isinstance(runs, (str, Path)) else runs)]
    limits = Limits(most_passes=most_passes, most_ms=most_ms, most_mb=most_mb)
    folder = Path(out)
    require_free(folder, folders)
    tell(Progress("ensemble", note=f"opening {', '.join(map(str, folders))}"))
    sources = open_sources(folders, make_problem=problem)
    torch.set_num_threads(num_threads())
    require_writable(folder)
    with alone(folder / ".lock"):
        write_json(folder / "runs.json", {"runs": [str(one.resolve()) for one in folders]})
        opinions = Opinions(sources, folder, choose_device(device), tell)
        built = build(sources, opinions, folder)
        judged = judge_all(built, opinions)
        best = best_single(judged, sources.problem)
        kept = keep(judged, best, sources, limits)
        honest = chosen_without(judged, opinions, limits)
        packed = as_packaged(kept, built, opinions, limits)
        summary = dict(packed.summary) | ({} if honest is None else {CHOSEN_WITHOUT: entry(honest)})
        packed = replace(packed, summary=summary | ({} if packed.chosen is None else {"chosen": packed.chosen}))
        rows = table_of(judged, best, kept, limits, sources.problem)
        report = report_of(
            sources,
            built,
            rows,
            packed,
            honest=honest,
            limits=limits,
            command=command or command_line(),
            created=datetime.now(UTC),
        )
        digest = write_package(folder / PACKAGE, packed, built, sources, choice=report.caveats)
        write_json(folder / "metrics.json", dict(packed.summary))
        write_bytes(folder / "cases.csv", sources.problem.table([*packed.rows, *packed.test_rows]).encode())
        write_json(folder / RECORD, record_of(report, packed, limits, digest))
        write_bytes(folder / PAGE, build_page(report).encode())
    return Ensembled(folder, report, packed.summary, folder / PAGE, folder / PACKAGE, digest)


def require_free(folder: Path, runs: Sequence[Path]) -> None:
    """Raise UsageError for a folder that holds something that is no ensemble's, or lies in a run."""
    inside = {folder.resolve(), *folder.resolve().parents}
    if found := [run for run in runs if run.resolve() in inside]:
        raise UsageError(
            "the output folder lies inside a run",
            where=folder,
            found=found[0],
            hint="Choose a folder elsewhere with -o.",
        )
    if folder.is_dir():
        foreign = sorted(
            path.name for path in folder.iterdir() if path.name not in OWN and not path.name.startswith(".")
        )
        if foreign:
            raise UsageError(
                "the output folder is not empty and holds no ensemble",
                where=folder,
                found=", ".join(foreign[:4]),
                hint="Choose a new folder with -o.",
            )


def keep(judged: Sequence[Judged], best: Judged, sources: Sources, limits: Limits) -> Judged:
    """What goes into the package: the best by its headline out of fold, among those that one fold's networks of are under the
    cost. With one fold nothing is chosen: all models together, or the one that there is.

    Raises UsageError if nothing is under the cost.
    """
    able = [one for one in judged if one.rows and limits.allow(one.cost)]
    if not able:
        cheapest = min((one for one in judged if one.rows), key=lambda one: (one.cost.passes, one.cost.ms))
        cost = cheapest.cost
        raise UsageError(
            "no model is under this cost",
            expected=limits.stated(),
            found=f"the cheapest takes {cost.passes} passes, {cost.ms:.1f} ms a case and {cost.megabytes:.2f} MB",
        )
    if len(sources.folds) > 1:
        return best_of(able, sources.problem)
    fixed = [one for one in able if one.candidate.name == "full"]
    return fixed[0] if fixed else best if best in able else able[0]


def chosen_without(judged: Sequence[Judged], opinions: Opinions, limits: Limits) -> Estimate | None:
    """The headline where each fold takes what is best in the others: what the choice is worth. None with one fold, or where
    there is nothing to choose.
    """
    sources = opinions.sources
    able = [one for one in judged if one.rows and limits.allow(one.cost)]
    if len(sources.folds) < 2 or len(able) < 2:
        return None
    mixed: list[JudgedCase] = []
    for fold in sources.folds:
        worth = [opinions.pooling.headline([row for row in one.rows if row.fold != fold]) for one in able]
        place = max(range(len(able)), key=lambda k: (_order(worth[k]), -able[k].cost.passes))
        mixed += [row for row in able[place].rows if row.fold == fold]
    found = sources.problem.summary(mixed, [], seed=SEED, yardstick=sources.yardstick)
    return estimate(found["overall"][sources.problem.primary])


def _order(score: float | None) -> float:
    return float("-inf") if score is None else score


def as_packaged(kept: Judged, built: Built, opinions: Opinions, limits: Limits) -> Judged:
    """What is kept with the networks of as many folds as the cost allows, at least one, judged on the test split as these."""
    sources = opinions.sources
    count = next(
        number
        for number in range(len(sources.folds), 0, -1)
        if number == 1 or limits.allow(measured(kept.candidate, built.voices, opinions, folds=sources.folds[:number]))
    )
    folds = sources.folds[:count]
    if sources.test:
        chosen = [built.voices[name] for name in kept.candidate.packaged]
        opinions.answer(chosen, test={voice.name: folds for voice in chosen})
    return judge(kept.candidate, built, opinions, folds=folds)


def record_of(report: EnsembleReport, packed: Judged, limits: Limits, digest: str) -> dict[str, Any]:
    """ensemble.json."""
    candidate: Candidate = packed.candidate
    return {
        "created_by": f"scanwright {version('scanwright')}",
        "created": report.created.isoformat(timespec="seconds"),
        "metric": report.metric,
        "kept": candidate.name,
        "members": dict(candidate.packaged),
        "by_fold": {str(fold): dict(shares) for fold, shares in candidate.by_fold.items()},
        "package": {"folds": list(packed.folds), "digest": digest, **packed.cost.to_json()},
        "limits": asdict(limits),
        "summary": list(report.summary),
        "chosen_without": None if report.chosen_without is None else entry(report.chosen_without),
        "rows": [row.to_json() for row in report.rows],
        "left_out": {fact.name: fact.value for fact in report.left_out},
        "headline": entry(headline(packed, report.metric)),
    }
