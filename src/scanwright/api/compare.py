"""The verb `compare`: models that judged the same cases, held against each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scanwright.api.compare_told import content, sentences
from scanwright.api.compared import Compared
from scanwright.api.judged_sources import On, align, read_sources
from scanwright.dataset.task import Task
from scanwright.errors import InputError, UsageError
from scanwright.evaluation.comparing.pairwise import compare_pairs, pairs_of
from scanwright.evaluation.comparing.standing import rank_models
from scanwright.evaluation.intervals.statistics import SAMPLES
from scanwright.files import read_json, require_writable, write_bytes, write_json
from scanwright.problem.kind import Kind
from scanwright.problem.known import MakeKind, problem_of
from scanwright.protocols import Listener, Progress, silent
from scanwright.report.compare_page import build
from scanwright.runtime import command_line

COMPARED, PAGE = "compare.json", "compare.html"


def compare(
    models: Sequence[str | Path],
    *,
    out: str | Path,
    against: str | None = None,
    margin: float | None = None,
    common: bool = False,
    on: On = "auto",
    problem: MakeKind | None = None,
    seed: int = 0,
    tell: Listener = silent,
    command: str | None = None,
) -> dict[str, Any]:
    """Hold models against each other on the same cases: paired tests, their ranking, and what can be told apart. Gives what
    compare.json holds.

    models: run folders of `train`, folders that `evaluate` wrote, packages (of which the answers out of fold are compared),
    each as a path or as NAME=PATH. One run in which several models were tried: these. against: the model that each other one
    is held against; None: every pair. margin: within which models count as the same, in the unit of the measure that decides,
    set before the results are seen. common: compare the cases that all judged where models judged different ones, which is
    refused otherwise. on: which cases of a run: out of fold, or its test split; "auto": those that the others judged too.
    Writes compare.json and compare.html to `out`. Nothing is read but what was judged; no image. Raises InputError if models
    answer different questions or were judged by different truths, UsageError for different cases, fewer than two models, or a
    folder that holds another compare.json.
    """
    folder = Path(out)
    if margin is not None and not margin > 0:
        raise UsageError("not a margin", expected="a number above 0", found=margin)
    _require_free(folder)

    def make(task: Task) -> Kind:
        return problem_of(task, problem)

    tell(Progress("read"))
    sources = read_sources(models, make)
    if len(sources) < 2:
        raise UsageError(
            "one model has nothing to be compared with",
            found=sources[0].name,
            hint="Give two or more, or a run of several.",
        )
    asked = make(sources[0].judged.task)
    aligned = align(sources, asked, on=on, common=common)
    pairs = pairs_of(list(aligned.rows), against)
    require_writable(folder)
    measurable = asked.measurable(aligned.rows)
    measures = [one for one in measurable.measures if one.better != "zero"]
    compared = []
    for done, measure in enumerate(measures):
        tell(Progress("compare", done=done, total=len(measures)))
        limit = margin if measure is measures[0] else None
        compared.append(compare_pairs(measure, pairs, margin=limit, seed=seed, samples=SAMPLES))
    tell(Progress("compare", done=len(measures), total=len(measures)))
    found = Compared(
        sources=sources,
        aligned=aligned,
        problem=asked,
        measures=measures,
        pairs=compared,
        ranking=rank_models(measures[0], seed=seed),
        against=against,
        margin=margin,
        seed=seed,
    )
    result = found.to_json(sentences(found))
    page = build(content(found, command=command or command_line()))
    write_json(folder / COMPARED, result)
    write_bytes(folder / PAGE, page.encode())
    return result


def _require_free(folder: Path) -> None:
    """Raise UsageError if a file of these names is there that is not ours."""
    for name in (COMPARED, PAGE):
        if not (folder / name).exists():
            continue
        try:
            known = read_json(folder / COMPARED) if (folder / COMPARED).is_file() else None
        except InputError:
            known = None
        if not isinstance(known, dict) or not {"ranking", "measures"} <= set(known):
            raise UsageError(
                "a file of this name is there already, and compare did not write it",
                where=folder / name,
                hint="Choose another folder with -o.",
            )
