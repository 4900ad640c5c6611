"""Cases, data sets and faults: what a layout finds in a folder, before any voxel is read.

Paths are absolute. A case without a label has label None, and a Fault says so.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from scanwright.dataset.task import Frozen, Task
from scanwright.io.source import LabelSource, Source
from scanwright.types import JSON, Triple

Severity = Literal["error", "warning", "note"]
Side = Literal["train", "test"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
SHOWN_CASES = 5
UNTOLD = ("case names", "nowhere")
"""How Dataset.patients_from begins where nothing tells patients apart."""


class Fault(Frozen):
    """One thing that is wrong with a data set, or that the user should know.

    code: a stable word with hyphens, such as "missing-label" (checks.py lists them).
    severity: an error stops a run unless the case is excluded by name; a warning and a note never do.
    case, file: what it is about; None if it is the whole data set. cases: all cases that it concerns, where there are several.
    groups: those that belong together, where a finding is about several such groups: the cases of one patient each.
    expected, found: short texts. action: what to do, as an imperative.
    policy: the data can be read, but a rule forbids to learn from them so: such an error can be waived, by name and with a
        reason. waived: that reason; a waived error stops nothing.
    numbers: what was measured, by name: {"auc": 0.93, "low": 0.88, "high": 0.97}.
    """

    code: str
    severity: Severity
    case: str | None = None
    file: Path | None = None
    expected: str = ""
    found: str = ""
    action: str = ""
    cases: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    policy: bool = False
    waived: str = ""
    numbers: dict[str, float] = Field(default_factory=dict)

    @property
    def stops(self) -> bool:
        """Whether a run must not start over it."""
        return self.severity == "error" and not self.waived

    @property
    def num_cases(self) -> int:
        """Of how many cases it tells, 1 if of none in particular. Where it names only some of them, its number counts."""
        return int(self.numbers.get("cases", 0)) or max(1, len(self.cases))

    @property
    def who(self) -> str:
        """The case, or up to five of the cases, by name; "" for the whole data set."""
        if self.case is not None or not self.cases:
            return self.case or ""
        more = len(self.cases) - SHOWN_CASES
        return ", ".join(self.cases[:SHOWN_CASES]) + (f" and {more} more cases" if more > 0 else "")

    def line(self) -> str:
        """The fault in one line: severity, code, case, file name, expected and found, action."""
        place = " ".join(part for part in (self.who, f"({self.file.name})" if self.file else "") if part)
        words = ", ".join(
            f"{word} {text}" for word, text in (("expected", self.expected), ("found", self.found)) if text
        )
        body = ": ".join(part for part in (place, words) if part)
        waived = f" (waived: {self.waived})" if self.waived else ""
        return f"{self.severity} {self.code}{waived} {body}" + (f". {self.action}" if self.action else "")


class Classes(Frozen):
    """What a whole image shows: one of the task's classes; or several, or none, where the task's choice is "several".

    unknown: of several, the classes of which nobody said whether they are there; never all, and none of `names`.
    """

    names: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @model_serializer(mode="wrap")
    def _plain(self, usual: SerializerFunctionWrapHandler) -> dict[str, JSON]:
        """`unknown` stands only where there is something: digests of data sets in which all is known stay what they were."""
        return {key: value for key, value in usual(self).items() if value or key == "names"}

    def says(self, name: str) -> bool | None:
        """Whether a class is there; None if that is not known."""
        return None if name in self.unknown else name in self.names

    def known(self, classes: Iterable[str]) -> dict[str, bool]:
        """Of these classes, in their order, whether each of which that is known is there."""
        return {name: said for name in classes if (said := self.says(name)) is not None}

    def contradicts(self, other: "Classes") -> bool:
        """Whether the two say different things of a class of which both say something."""
        return not set(self.names) ^ set(other.names) <= {*self.unknown, *other.unknown}


class Quantities(Frozen):
    """Numbers that a whole image stands for, in the order of the task's quantities; null where one is not known."""

    numbers: tuple[float | None, ...]


class Box(Frozen):
    """A box in an image and what is in it: from `start` up to `end`, both (x, y) along the first two axes of the file's grid,
    and through `slices`, its edges along the third; a picture has one slice.

    In voxels (pixels): the first voxel's outer corner is 0 along each axis, the last one's is the length. On a picture x goes
    to the right and y down. ignored: neither learned from nor scored (difficult, a crowd).
    """

    name: str
    start: tuple[float, float]
    end: tuple[float, float]
    slices: tuple[float, float] = (0.0, 1.0)
    ignored: bool = False

    @property
    def corners(self) -> tuple[Triple, Triple]:
        """Start and end along I, J and K."""
        return (*self.start, self.slices[0]), (*self.end, self.slices[1])

    @property
    def lengths(self) -> Triple:
        """Edges along I, J and K."""
        (i, j, k), (i_end, j_end, k_end) = self.corners
        return i_end - i, j_end - j, k_end - k


class Boxes(Frozen):
    """What lies where in an image. No box: it was looked through, and nothing is there."""

    boxes: tuple[Box, ...] = ()


Target = Classes | Quantities | Boxes


class Case(Frozen):
    """What is learned from or predicted: one or more images, perhaps a label or a target, of one patient.

    images: one file or DICOM volume for each channel in the task's order, or one that holds all channels.
    label: a label map (segmentation). target: classes, numbers or boxes (the other kinds); null where none is known.
    outline: a label map of which all that is not 0 is what the target tells of; null where nothing is outlined.
    patient: cases of one patient never part in a split; the case's own id where nothing is known
        (Dataset.patients_from).
    groups: further columns of a table, for stratifying and for results by group.
    split: "test" if the data set itself sets the case apart.
    judged: the regions that somebody looked for in the case, in the task's order, where these are not all; null: all.
    """

    id: str = Field(min_length=1)
    images: tuple[Source, ...] = Field(min_length=1)
    label: LabelSource | None = None
    target: Target | None = None
    outline: LabelSource | None = None
    patient: str
    groups: dict[str, str] = Field(default_factory=dict)
    split: Side = "train"
    judged: tuple[str, ...] | None = None

    def looked_for(self, regions: Iterable[str]) -> bool:
        """Whether somebody looked for all of these regions in the case: where one is not, it is known to be absent."""
        return self.judged is None or set(regions) <= set(self.judged)

    @property
    def is_labelled(self) -> bool:
        """Whether anything is known of the case that could be learned or judged."""
        return self.label is not None or self.target is not None


class Dataset(Frozen):
    """A folder as a layout understood it.

    layout: the layout's name. stated: one line for people: what was recognised and how many cases.
    cases: sorted by id. faults: those found while pairing files. patients_from: where patients are known from, in
        words.
    """

    root: Path
    layout: str
    stated: str
    task: Task
    cases: tuple[Case, ...]
    faults: tuple[Fault, ...] = ()
    patients_from: str = f"{UNTOLD[0]}: every case counts as a patient of its own"

    @property
    def tells_patients(self) -> bool:
        """Whether a list, a column or names say which cases are of one patient."""
        return not self.patients_from.startswith(UNTOLD)

    @property
    def train(self) -> tuple[Case, ...]:
        """Cases that have a label or target and are not set apart."""
        return tuple(case for case in self.cases if case.split == "train" and case.is_labelled)

    @property
    def test(self) -> tuple[Case, ...]:
        """Cases that have a label or target and that the data set declares as its test split."""
        return tuple(case for case in self.cases if case.split == "test" and case.is_labelled)

    def without(self, ids: Iterable[str]) -> "Dataset":
        """The data set without the cases named (and without their faults); unknown names are left to the caller."""
        gone = set(ids)
        kept = tuple(case for case in self.cases if case.id not in gone)
        faults = tuple(fault for fault in self.faults if fault.case not in gone)
        return self.model_copy(update={"cases": kept, "faults": faults})
