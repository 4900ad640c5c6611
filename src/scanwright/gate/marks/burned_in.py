"""Text and marks burned into pictures: how many have some, and whether they give the answer away.

    burned-in-text              warning   in more pictures than the detector takes for marked by mistake (note: in fewer)
    burned-in-marks-by-class    warning   of policy: one class, label or group has them clearly more often than the rest

The second is a shortcut: a model that learns to read calipers scores well where radiologists measured what they found, and
nowhere else. A difference counts if it is large (20 points of share) and significant after Holm's correction over all that was
compared. Patients are counted, not pictures: one with several pictures has marks if any of his pictures of that class does.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from scipy.stats import fisher_exact

from scanwright.dataset.cases import Case, Classes, Fault
from scanwright.dataset.images import LUMA
from scanwright.dataset.task import Modality, Task
from scanwright.evaluation.intervals.statistics import holm
from scanwright.gate.cohort import Cohort
from scanwright.gate.marks.detector import SURE, Mark, detect
from scanwright.geometry.volume import Volume
from scanwright.types import Array

PICTURES: frozenset[Modality] = frozenset({"xray", "us", "rgb", "other"})
"""Modalities whose single slices are looked at; slices of CT, MR and PET come without writing."""
SURE_IN_COLOUR = 0.98
"""Least score in photographs and under the microscope, where rings and specks resemble letters: 317 of 364 blood smears without
writing hold a mark of score 0.85, 2 one of 0.98."""
MOST_MARKS = 200
"""Marks kept of one picture, the surest."""
FALSE_ALARMS = 0.05
"""Share of pictures without writing in which the detector may see some; benchmarks/burned_in.py measures it."""
FALSE_MARKS = 0.15
"""The same where it sees single marks and no word: corners of an ultrasound sector resemble them, in 1 of 11 generated ones."""
LARGE_DIFFERENCE = 0.2
SIGNIFICANT = 0.05
CLASS, LABEL, DRAWN = "class", "label", "something drawn"
MOST_VALUES = 12
"""A group column with more values than this is a name of cases, not a group."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureMarks:
    """What is written on one picture. size: (width, height) in pixels, for drawing the boxes."""

    size: tuple[int, int]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Association:
    """How often patients have marks where a column has a value, and where it has another one.

    column: "class", "label", or a group column of the table. p: Fisher's exact test, two-sided; p_holm: corrected over
    all associations.
    """

    column: str
    value: str
    marked: int
    total: int
    rest_marked: int
    rest_total: int
    p: float
    p_holm: float

    @property
    def share(self) -> float:
        """Of the patients with this value, those with marks."""
        return self.marked / self.total

    @property
    def rest_share(self) -> float:
        """The same of all others."""
        return self.rest_marked / self.rest_total

    @property
    def is_shortcut(self) -> bool:
        """Whether the difference is both large and significant."""
        return abs(self.share - self.rest_share) >= LARGE_DIFFERENCE and self.p_holm < SIGNIFICANT


@dataclass(frozen=True, kw_only=True, slots=True)
class BurnedIn:
    """What all pictures show. looked_at: pictures judged. marked: how many marks each case with some has, by id."""

    looked_at: int
    marked: Mapping[str, int]
    associations: tuple[Association, ...]
    faults: tuple[Fault, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data without the faults, which checks.json lists with all others."""
        return {
            "looked_at": self.looked_at,
            "marked": dict(self.marked),
            "associations": [
                asdict(one) | {"share": round(one.share, 4), "rest_share": round(one.rest_share, 4)}
                for one in self.associations
            ],
        }


def glance(case: Case, image: Volume, label: Volume | None, task: Task) -> PictureMarks | None:
    """Text and marks of a picture; None for a volume of several slices, and for CT, MR and PET.

    Colours are judged by their luminance; other channels one by one. About 15 ms for 500 x 500 pixels on one core, 75 ms for
    1024 x 1024, 130 ms for 3000 x 3000.
    """
    width, height, slices = image.shape
    if slices != 1 or any(channel.modality not in PICTURES for channel in task.channels):
        return None
    sure = SURE_IN_COLOUR if any(channel.modality == "rgb" for channel in task.channels) else SURE
    found = [mark for picture_YX in _pictures(image) for mark in detect(picture_YX, sure=sure)]
    surest = sorted(found, key=lambda mark: -mark.score)[:MOST_MARKS]
    marks = tuple(sorted(surest, key=lambda mark: (mark.start[1], mark.start[0], mark.end)))
    return PictureMarks(size=(width, height), marks=marks)


def _pictures(image: Volume) -> Iterator[Array]:
    """Grey pictures (rows, columns) of a volume of one slice."""
    channels_CYX = image.voxels[..., 0].swapaxes(1, 2)
    if len(channels_CYX) == len(LUMA):
        yield sum(weight * channel for weight, channel in zip(LUMA, channels_CYX, strict=True))
    else:
        yield from channels_CYX


def find(cohort: Cohort, marks: Mapping[str, PictureMarks | None]) -> BurnedIn:
    """How many cases have marks, and which classes, labels and groups have them more often.

    marks: by case id; cases that are missing or None were not judged and do not count.
    """
    judged = {case.id: seen for case in cohort.cases if (seen := marks.get(case.id)) is not None}
    counts = {name: len(seen.marks) for name, seen in judged.items() if seen.marks}
    columns = {
        column: {name: value for name, value in values.items() if name in judged}
        for column, values in _columns(cohort).items()
    }
    associations = _associations(cohort, columns, counts)
    shortcuts: dict[str, list[Association]] = defaultdict(list)
    for one in associations:
        if one.is_shortcut:
            shortcuts[one.column].append(one)
    by_class = (_shortcut_fault(found, columns[column], counts) for column, found in shortcuts.items())
    faults = (*_text_faults(judged, counts), *by_class)
    return BurnedIn(looked_at=len(judged), marked=counts, associations=associations, faults=faults)


def _columns(cohort: Cohort) -> dict[str, dict[str, str]]:
    """What cases are told apart by: column to case id to value. Classes of which several may be there are a column each."""
    columns: dict[str, dict[str, str]] = defaultdict(dict)
    task = cohort.dataset.task
    for case in cohort.cases:
        if isinstance(case.target, Classes) and task.choice == "several":
            for name, there in case.target.known(task.classes).items():
                columns[f"{CLASS} {name}"][case.id] = "yes" if there else "no"
        elif isinstance(case.target, Classes) and case.target.names:
            columns[CLASS][case.id] = case.target.names[0]
        if case.label is not None:
            drawn = any(cohort.facts[case.id].region_voxels.values())
            columns[LABEL][case.id] = DRAWN if drawn else "empty"
        for column, value in case.groups.items():
            columns[column][case.id] = value
    return dict(sorted(columns.items()))


def _associations(
    cohort: Cohort, columns: Mapping[str, Mapping[str, str]], counts: Mapping[str, int]
) -> tuple[Association, ...]:
    """Every value of every column against the other values of it; of two values, the second one only."""
    tables: list[tuple[str, str, int, int, int, int]] = []
    for column, values in columns.items():
        patients: dict[str, dict[str, bool]] = defaultdict(dict)  # value to patient to whether any picture is marked
        for name, value in values.items():
            patient = cohort.by_id[name].patient
            patients[value][patient] = patients[value].get(patient, False) or name in counts
        if not 2 <= len(patients) <= MOST_VALUES:
            continue
        marked = {value: sum(own.values()) for value, own in patients.items()}
        total = {value: len(own) for value, own in patients.items()}
        names = sorted(patients)
        for value in names[1:] if len(names) == 2 else names:
            rest = sum(marked.values()) - marked[value], sum(total.values()) - total[value]
            tables.append((column, value, marked[value], total[value], *rest))
    p_values = [float(fisher_exact([[a, n - a], [b, m - b]]).pvalue) for _, _, a, n, b, m in tables]
    return tuple(
        Association(
            column=column,
            value=value,
            marked=a,
            total=n,
            rest_marked=b,
            rest_total=m,
            p=p,
            p_holm=1.0 if held is None else held,
        )
        for (column, value, a, n, b, m), p, held in zip(tables, p_values, holm(p_values), strict=True)
    )


def _text_faults(judged: Mapping[str, PictureMarks], counts: Mapping[str, int]) -> Iterator[Fault]:
    """How many pictures are written on; a note where they are so few that the detector may have been wrong."""
    if not counts:
        return
    share = len(counts) / len(judged)
    texts = sum(any(mark.kind == "text" for mark in judged[name].marks) for name in counts)
    yield Fault(
        code="burned-in-text",
        severity="warning" if texts > FALSE_ALARMS * len(judged) or share > FALSE_MARKS else "note",
        cases=tuple(sorted(counts)),
        expected="pictures as the scanner measured them",
        found=f"text or marks burned into {len(counts)} of {len(judged)} pictures (text in {texts})",
        action="See whether they name a patient; cut them off or paint them over before the data leave the house.",
        numbers={"marked": len(counts), "pictures": len(judged), "share": round(share, 4), "with_text": texts},
    )


def _whatever(column: str) -> str:
    """Of what marks should not depend, in words.

    >>> _whatever("class"), _whatever("class mass"), _whatever("label"), _whatever("site")
    ('of each class', 'with and without mass', 'with and without something drawn', 'whatever “site” says')
    """
    if column == CLASS:
        return "of each class"
    if column == LABEL:
        return "with and without something drawn"
    if column.startswith(f"{CLASS} "):
        return f"with and without {column.removeprefix(f'{CLASS} ')}"
    return f"whatever \N{LEFT DOUBLE QUOTATION MARK}{column}\N{RIGHT DOUBLE QUOTATION MARK} says"


def _where(one: Association) -> str:
    """Which patients are meant, in words."""
    if one.column == CLASS:
        return f"of class {one.value}"
    if one.column == LABEL:
        return f"with {one.value}" if one.value == DRAWN else "with nothing drawn"
    if one.column.startswith(f"{CLASS} "):
        return f"{'with' if one.value == 'yes' else 'without'} {one.column.removeprefix(f'{CLASS} ')}"
    return f"where it says {one.value}"


def _shortcut_fault(found: list[Association], values: Mapping[str, str], counts: Mapping[str, int]) -> Fault:
    """Values of one column that can be told by their marks; the numbers are those of the most certain one."""
    surest = min(found, key=lambda one: (one.p_holm, one.value))
    told = "; ".join(
        f"in {one.share:.0%} of the {one.total} patients {_where(one)}, in {one.rest_share:.0%} of the other {one.rest_total}"
        for one in found
    )
    accused = {one.value for one in found}
    return Fault(
        code="burned-in-marks-by-class",
        severity="warning",
        policy=True,
        cases=tuple(sorted(name for name, value in values.items() if value in accused and name in counts)),
        expected=f"text and marks in as many pictures {_whatever(surest.column)}",
        found=told,
        action="A model may learn the marks instead of the anatomy: cut them off or paint them over in all pictures.",
        numbers={
            "share": round(surest.share, 4), "rest_share": round(surest.rest_share, 4),
            "p": surest.p, "p_holm": surest.p_holm,
        },
    )  # fmt: skip
