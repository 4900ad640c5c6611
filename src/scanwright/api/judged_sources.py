"""What `compare` compares: runs, folders of `evaluate`, packages; and whether they judged the same cases by the same truth."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from scanwright.api.case.judged_cases import JUDGED, Content, Judged, judged_from_json
from scanwright.api.case.tested import CROSS_VALIDATION, TEST_SPLIT
from scanwright.api.claims import is_scores, listed
from scanwright.api.run.folder import TRIALS, holds_run
from scanwright.dataset.task import Task
from scanwright.errors import InputError, UsageError
from scanwright.evaluation.summaries.kept_rows import same_truth
from scanwright.files import read_json
from scanwright.package.load import load
from scanwright.problem.kind import Kind
from scanwright.types import JSON

On: TypeAlias = Literal["auto", "cross-validation", "test"]
SETS: Mapping[str, str] = {"cross-validation": CROSS_VALIDATION, "test": TEST_SPLIT}
ProblemOf: TypeAlias = Callable[[Task], Kind]
MOST_SHOWN = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A model by its name with what it judged. kind: "run", "evaluation", "package" or "model of a run". digest: of a
    package.
    """

    name: str
    path: Path
    kind: str
    judged: Judged
    digest: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aligned:
    """Models' rows of the same cases in one order. on: the set that each was judged in. left_out: by model, how many of its
    cases not all models judged. notes: what must be said of the data, in sentences.
    """

    task: Task
    rows: Mapping[str, Sequence[Any]]
    on: Mapping[str, str]
    left_out: Mapping[str, int]
    notes: tuple[str, ...] = ()


def read_sources(models: Sequence[str | Path], problem_of: ProblemOf) -> list[Source]:
    """Each model; of one run in which several were tried, these. Two of one name get their folder's before it.

    models: paths, or NAME=PATH. Raises InputError for what holds no judged cases, UsageError for two of one name.
    """
    given = [_named(one) for one in models]
    if len(given) == 1 and (tried := sorted(file.parent for file in (given[0][1] / TRIALS).glob(f"*/{JUDGED}"))):
        given = [("", path) for path in tried]
    found = [_read(path, problem_of, name=name) for name, path in given]
    plain = [one.name for one in found]
    names = [
        name or (own if plain.count(own) == 1 else f"{path.resolve().parent.name}/{own}")
        for (name, path), own in zip(given, plain, strict=True)
    ]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        hint = "Give them names: compare one=PATH other=PATH."
        raise UsageError("two models of one name", found=", ".join(twice), hint=hint)
    return [replace(one, name=name) for one, name in zip(found, names, strict=True)]


def _named(given: str | Path) -> tuple[str, Path]:
    """The name before "=", "" without one, and the path. What is there as it stands is a path."""
    name, equal, path = str(given).partition("=")
    if not equal or Path(given).exists() or "/" in name:
        return "", Path(given)
    return name, Path(path)


def _read(path: Path, problem_of: ProblemOf, *, name: str) -> Source:
    if path.is_file():
        package = load(path)
        if not package.has(JUDGED):
            raise _nothing_judged(path, "a package of an earlier version")
        data: JSON = package.optional(JUDGED)
        judged = judged_from_json(data, problem_of, where=path)
        own = str(package.card.get("name", path.stem)) if path.name == "model.swm" else path.stem
        return Source(name=own, path=path, kind="package", judged=judged, digest=package.digest)
    if not path.is_dir():
        raise InputError("no such file or folder", where=path, expected="a run, a folder of evaluate, or a model.swm")
    file = path / JUDGED
    if not file.is_file():
        raise _nothing_judged(path, "a run, or an evaluation" if is_scores(path / "metrics.json") else "")
    kind = "run" if holds_run(path) else "model of a run" if path.parent.name == TRIALS else "evaluation"
    return Source(
        name=path.resolve().name, path=path, kind=kind, judged=judged_from_json(read_json(file), problem_of, where=file)
    )


def _nothing_judged(path: Path, what: str) -> InputError:
    return InputError(
        "holds no judged cases",
        where=path,
        expected=f"{JUDGED}, as train and evaluate write it",
        found=f"{what} without it" if what else None,
        hint="Run the same train or evaluate command again: nothing is trained anew, and it writes the file."
        if what.startswith("a run")
        else "Give a run folder, a folder that evaluate wrote, or a package.",
    )


def align(sources: Sequence[Source], problem: Kind, *, on: On = "auto", common: bool = False) -> Aligned:
    """The models' rows of the same cases. on: which set of a run; "auto": the one whose cases the others judged too.

    Raises InputError if tasks, truths or patients differ, and UsageError if cases do, unless only the common ones are asked
    for.
    """
    first = sources[0]
    for other in sources[1:]:
        _require_same_task(first, other)
    by_content = not all(one.judged.named for one in sources)
    pools = {one.name: _pools(one, by_content=by_content) for one in sources}
    chosen = {name: _choose(name, pools, on) for name in pools}
    held = {name: pools[name][set_name] for name, set_name in chosen.items()}
    shared = set.intersection(*(set(rows) for rows in held.values()))
    _require_cases(held, shared, common=common, by_content=by_content)
    order = [key for key in held[first.name] if key in shared]
    rows = {name: [of[key] for key in order] for name, of in held.items()}
    notes = []
    for other in sources[1:]:
        _require_same_truth(first, other, rows, problem)
        notes += _require_same_content(first, other, rows)
        _require_same_patients(first, other, rows)
    reference = rows[next((one.name for one in sources if one.judged.named), first.name)]
    return Aligned(
        task=first.judged.task,
        rows={name: _as_in(reference, of) for name, of in rows.items()},
        on=chosen,
        left_out={name: len(of) - len(shared) for name, of in held.items()},
        notes=tuple(notes),
    )


def _as_in(reference: Sequence[Any], rows: Sequence[Any]) -> list[Any]:
    """Rows under the names of cases and patients of the reference's."""
    return [
        replace(row, case=one.case, patient=one.patient, groups=one.groups)
        for one, row in zip(reference, rows, strict=True)
    ]


def _require_same_task(first: Source, other: Source) -> None:
    one, two = first.judged.task, other.judged.task
    parts = {
        "kind": (one.kind, two.kind),
        "classes": (one.classes, two.classes),
        "choice": (one.choice, two.choice),
        "quantities": (one.quantities, two.quantities),
        "regions": tuple(tuple(sorted(region.name for region in task.regions)) for task in (one, two)),
    }
    apart = [name for name, (a, b) in parts.items() if a != b]
    if apart:
        said = ["; ".join(f"{name} {_text(parts[name][place])}" for name in apart) for place in (0, 1)]
        raise InputError(
            "the models answer different questions",
            where=other.path,
            expected=f"{said[0]}, as {first.name} does",
            found=said[1],
            hint="Compare models of one task.",
        )


def _text(value: str | Iterable[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value) or "none"


def _pools(source: Source, *, by_content: bool) -> dict[str, dict[str, Any]]:
    """The rows of each set by what their cases go by: names, or hashes of their images, of which each is there once."""
    pools: dict[str, dict[str, Any]] = {}
    for name, rows in source.judged.sets.items():
        keys = [_key(row.case, source.judged, by_content=by_content) for row in rows]
        times = Counter(keys)
        pools[name] = {key: row for key, row in zip(keys, rows, strict=True) if key and times[key] == 1}
    if not any(pools.values()):
        raise InputError("holds no judged cases that can be told again", where=source.path)
    return pools


def _key(case: str, judged: Judged, *, by_content: bool) -> str:
    return judged.content.get(case, Content()).images if by_content else case


def _choose(name: str, pools: Mapping[str, Mapping[str, Mapping[str, Any]]], on: On) -> str:
    """The set of a model that is compared: the one that was asked for, where it has it, else the one that shares most cases
    with the other models, the first of equals.
    """
    own = pools[name]
    if on != "auto" and len(own) > 1:
        return SETS[on] if SETS[on] in own else next(iter(own))
    others = [{key for rows in sets.values() for key in rows} for other, sets in pools.items() if other != name]
    return max(own, key=lambda one: len(set(own[one]).intersection(*others) if others else own[one]))


def _require_cases(held: Mapping[str, Mapping[str, Any]], shared: set[str], *, common: bool, by_content: bool) -> None:
    if not shared:
        raise InputError(
            "the models judged other cases, and none in common",
            found="; ".join(f"{name}: {len(of)} cases, such as {next(iter(of))[:24]}" for name, of in held.items()),
            hint="Compare models on the same cases: evaluate them on one data set.",
        )
    if common or all(len(of) == len(shared) for of in held.values()):
        return
    alone = {name: sorted(set(of) - shared) for name, of in held.items()}
    details = [
        f"{name}: {len(held[name])} cases, {len(more)} of which not all judged"
        + ("" if by_content else f" ({listed(more, shown=MOST_SHOWN)})")
        for name, more in alone.items()
        if more
    ]
    raise UsageError(
        "the models judged different cases",
        expected="the same cases",
        found=f"{len(shared)} in common",
        details=details,
        hint="Add --common to compare them on the common cases only.",
    )


def _require_same_truth(first: Source, other: Source, rows: Mapping[str, Sequence[Any]], problem: Kind) -> None:
    apart = same_truth(rows[first.name], rows[other.name], problem.truths)
    if apart:
        _raise_truth(first, other, apart, total=len(rows[first.name]))


def _require_same_content(first: Source, other: Source, rows: Mapping[str, Sequence[Any]]) -> list[str]:
    """Raises InputError if label maps differ; a sentence where images do: they may have other channels."""
    labels, images = [], []
    for one, two in zip(rows[first.name], rows[other.name], strict=True):
        a, b = (of.judged.content.get(row.case, Content()) for of, row in ((first, one), (other, two)))
        labels += [one.case] if a.label and b.label and a.label != b.label else []
        images += [one.case] if a.images and b.images and a.images != b.images else []
    if labels:
        _raise_truth(first, other, labels, total=len(rows[first.name]))
    if not images:
        return []
    return [
        f"{first.name} and {other.name} saw different images of {len(images)} of {len(rows[first.name])} cases "
        f"({listed(images)}): other channels, or prepared otherwise."
    ]


def _raise_truth(first: Source, other: Source, apart: Sequence[str], *, total: int) -> None:
    raise InputError(
        "the models were judged by different truths",
        where=other.path,
        expected=f"the truth by which {first.name} was judged",
        found=f"another one in {len(apart)} of {total} cases ({listed(apart)})",
        hint="Evaluate both on one version of the data set.",
    )


def _require_same_patients(first: Source, other: Source, rows: Mapping[str, Sequence[Any]]) -> None:
    """Raises InputError if cases are of one patient in one source and of two in the other."""
    pairs = {(one.patient, two.patient) for one, two in zip(rows[first.name], rows[other.name], strict=True)}
    if len(pairs) != len({one for one, _ in pairs}) or len(pairs) != len({two for _, two in pairs}):
        raise InputError(
            "the models do not agree on which cases are of one patient",
            where=other.path,
            expected=f"{len({one for one, _ in pairs})} patients, as in {first.name}",
            found=f"{len({two for _, two in pairs})} patients",
            hint="Evaluate both on one data set that says whose each case is.",
        )
