"""A data set's datasheet, measured where the files can tell: the verb `data card`, and what a run keeps with its model."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanwright.api.data.looking import look_through
from scanwright.dataset.cases import Boxes, Case, Classes, Dataset, Fault, Quantities
from scanwright.dataset.checks import Checks
from scanwright.dataset.fingerprint import fingerprint
from scanwright.dataset.layouts.datasetjson import FILE_NAME as DATASET_JSON
from scanwright.dataset.layouts.datasetjson import read_dataset_json
from scanwright.dataset.task import Kind
from scanwright.errors import UsageError
from scanwright.files import canonical_json, write_bytes
from scanwright.protocols import Listener, silent
from scanwright.report.datasheet import FILE_NAME, Datasheet, Item, make_datasheet, read_answers
from scanwright.report.datasheet_text import datasheet_html, datasheet_markdown
from scanwright.report.wording import channel_text, space_facts, volume_text

OF_DATASET_JSON = {
    "description": "motivation.purpose",
    "reference": "motivation.creators",
    "licence": "distribution.licence",
    "license": "distribution.licence",
}
"""What the Decathlon's and nnU-Net's dataset.json say, and the question that it answers; datasheet.json outranks it."""

MOST_CLASSES, MOST_GROUPS, MOST_FAULTS = 40, 20, 30
NOT_STATED = "not stated"
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Carded:
    """A card that was written."""

    file: Path
    sheet: Datasheet

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {"file": str(self.file), "open": list(self.sheet.open_keys), **self.sheet.to_json()}


def card(
    data: str | Path,
    out: str | Path,
    *,
    layout: str | None = None,
    task: Kind | None = None,
    tell: Listener = silent,
) -> Carded:
    """Write the card of a data set as .md, .html or .json; what people have to say is read from datasheet.json beside it.

    Raises UsageError for another suffix or an unknown key in datasheet.json, InputError if the data are not understood.
    """
    file = Path(out)
    suffix = file.suffix.lower()
    if suffix not in (".md", ".html", ".json"):
        raise UsageError("a card is a text or a page", where=file, expected="a name that ends in .md, .html or .json")
    looked = look_through(data, layout=layout, task=task, tell=tell)
    sheet = datasheet_of(looked.dataset, looked.checks, digest=looked.manifest.digest)
    texts = {".md": datasheet_markdown, ".html": datasheet_html}
    made = texts[suffix](sheet).encode() if suffix in texts else canonical_json(sheet.to_json()) + b"\n"
    write_bytes(file, made)
    return Carded(file, sheet)


def datasheet_of(dataset: Dataset, checks: Checks, *, digest: str, name_cases: bool = True) -> Datasheet:
    """The card of a data set that has been looked through; the same data and answers give the same card.

    digest: of the data, a version's or a run's. name_cases: whether findings name cases, which a model that leaves the house
    should not: a case's name may be a patient's.
    Raises InputError or UsageError if datasheet.json beside the data is none.
    """
    folder = dataset.root if dataset.root.is_dir() else dataset.root.parent
    answers = {**_described(folder), **read_answers(folder / FILE_NAME)}
    measured = {
        "Composition": [*_composition(dataset, checks), *_faults(checks, name_cases=name_cases)],
        "Preprocessing, cleaning, labelling": [
            Item(question="How are the files laid out, and what was made of them?", answer=dataset.stated)
        ],
        "Maintenance": [
            Item(
                question="Which version is this?",
                answer=f"SHA-256 {digest} over the decoded voxels, grids, labels and targets of {len(dataset.cases)} "
                "cases; scanwright data diff says what another one differs in.",
            )
        ],
    }
    return make_datasheet(name=dataset.task.name, digest=digest, measured=measured, answers=answers)


def _described(folder: Path) -> dict[str, tuple[str, str]]:
    """What dataset.json says in words."""
    description = read_dataset_json(folder) or {}
    texts = {
        key: str(text).strip() for key, text in description.items() if key in OF_DATASET_JSON and isinstance(text, str)
    }
    return {OF_DATASET_JSON[key]: (text, DATASET_JSON) for key, text in texts.items() if text}


def _composition(dataset: Dataset, checks: Checks) -> Iterator[Item]:
    task, cases = dataset.task, dataset.cases
    patients = len({case.patient for case in cases})
    yield Item(
        question="What does an instance represent, and how many are there?",
        answer=f"{len(cases)} cases of {patients} patients ({dataset.patients_from}); "
        f"each has {', '.join(channel_text(channel) for channel in task.channels)}.",
    )
    facts = {case.id: checks.facts[case.id] for case in cases if case.id in checks.facts}
    if facts:
        found = fingerprint(facts, task)
        yield Item(
            question="What are the images like? (median, and range where they differ)",
            rows=(("property", "value"), *((fact.name, fact.value) for fact in space_facts(found))),
        )
        if task.regions:
            rows = (
                (one.name, str(one.present), volume_text(one.volume, found.unit) if one.volume else "–")
                for one in found.regions
            )
            yield Item(question="What is outlined?", rows=(("region", "cases", "size, median (range)"), *rows))
    yield from _targets(cases, task.classes, task.quantities)
    yield Item(
        question="Are there recommended splits?",
        rows=_sides(cases),
        answer="" if _sides(cases) else "None is declared.",
    )
    yield from _groups(cases)


def _targets(cases: Sequence[Case], classes: Sequence[str], quantities: Sequence[str]) -> Iterator[Item]:
    """How often each class, box and number occurs."""
    owners: dict[str, list[Case]] = defaultdict(list)
    boxes: Counter[str] = Counter()
    for case in cases:
        drawn = case.target.boxes if isinstance(case.target, Boxes) else ()
        boxes.update(box.name for box in drawn)
        names = case.target.names if isinstance(case.target, Classes) else {box.name for box in drawn}
        for name in names:
            owners[name].append(case)
    if classes:
        counts = ((str(boxes[name]),) if boxes else () for name in classes)
        rows = [
            (name, str(len(owners[name])), str(len({case.patient for case in owners[name]})), *count)
            for name, count in zip(classes, counts, strict=True)
        ]
        head = ("class", "cases", "patients", *(("boxes",) if boxes else ()))
        yield Item(question="Which classes are there?", rows=(head, *rows[:MOST_CLASSES]))
    told = [case.target.numbers for case in cases if isinstance(case.target, Quantities)]
    if quantities:
        yield Item(
            question="Which quantities are there?",
            rows=(
                ("quantity", "cases", "median", "lowest", "highest"),
                *(_spread(n, k, told) for k, n in enumerate(quantities)),
            ),
        )


def _spread(name: str, place: int, told: Sequence[tuple[float | None, ...]]) -> tuple[str, ...]:
    known = [number for numbers in told if (number := numbers[place]) is not None]
    if not known:
        return name, "0", "–", "–", "–"
    return name, str(len(known)), *(f"{value:.4g}" for value in (statistics.median(known), min(known), max(known)))


def _sides(cases: Sequence[Case]) -> Rows:
    """The declared test split; nothing where there is none."""
    if all(case.split == "train" for case in cases):
        return ()
    sides = {side: [case for case in cases if case.split == side] for side in ("train", "test")}
    rows = ((side, str(len(own)), str(len({case.patient for case in own}))) for side, own in sides.items())
    return (("side", "cases", "patients"), *rows)


def _groups(cases: Sequence[Case]) -> Iterator[Item]:
    """Each group column: the cases of each of its values; of many numbers their range, of many words how many they are."""
    for column in sorted({name for case in cases for name in case.groups}):
        counts = Counter(case.groups.get(column, NOT_STATED) for case in cases)
        question = f"Which subpopulations are there by {column}?"
        known = [value for value in counts if value != NOT_STATED]
        if len(known) <= MOST_GROUPS:
            rows = ((value, str(count)) for value, count in sorted(counts.items()))
            yield Item(question=question, rows=((column, "cases"), *rows))
            continue
        left = f"; not stated in {counts[NOT_STATED]} cases" if counts[NOT_STATED] else ""
        numbers = [
            number for value, count in counts.items() for number in [_number(value)] * count if number is not None
        ]
        if len(numbers) == len(cases) - counts[NOT_STATED]:
            spread = f"{statistics.median(numbers):.4g} ({min(numbers):.4g} to {max(numbers):.4g})"
            yield Item(question=question, answer=f"Median {spread}{left}.")
        else:
            yield Item(question=question, answer=f"{len(known)} different values{left}.")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _faults(checks: Checks, *, name_cases: bool) -> Iterator[Item]:
    """What the checks found, a row for each kind of fault."""
    kinds: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for fault in checks.faults:
        kinds[fault.severity + (", waived" if fault.waived else ""), fault.code].append(fault)
    rows = [
        (severity, code, str(sum(one.num_cases for one in found)), *([_told(found[0])] if name_cases else []))
        for (severity, code), found in kinds.items()
    ]
    question = "Are there errors, sources of noise, or redundancies?"
    if not rows:
        yield Item(question=question, answer="None that scanwright inspect finds.")
        return
    head = ("severity", "code", "cases", *(["for example"] if name_cases else []))
    yield Item(question=question, rows=(head, *rows[:MOST_FAULTS]))


def _told(fault: Fault) -> str:
    return ": ".join(part for part in (fault.case or ", ".join(fault.cases[:3]), fault.found) if part)
