"""What is wanted of a data set: which channels go in, and which regions, classes, quantities or boxes come out.

A Task is read from what the data set declares (dataset.json, scanwright.json) or inferred from the label values found.
It is
data: frozen, JSON both ways (`model_dump(mode="json")`, `parse_task`), and the same object in a run folder and in a
    package.

Label files hold whole numbers. A Region is a named union of such values, so that nested answers (whole tumour ⊃ core)
need no second file. 0 is background and belongs to no region. The ignore value marks voxels that nobody judged.
"""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scanwright.errors import InputError
from scanwright.types import JSON

Modality = Literal["ct", "mr", "pet", "xray", "us", "rgb", "other"]

# A word of the name decides, the first row that has it: "T1 CT-registered" is rare, "CT" in "FLAIR-CT" rarer.
MODALITY_WORDS: dict[Modality, str] = {
    "xray": r"x ?ray|cxr|dx|cr|radiograph\w*|mammogra\w*|mg|dr|fluoroscop\w*",
    "us": r"us|ultrasound|sonogra\w*|echo\w*|bus",
    "ct": r"ct|cbct|cta|ldct|hu|hounsfield",
    "mr": r"mri?|fmri|t1\w*|t2\w*|t1|flair|adc|dwi|swi|pdw?|dce|mprage|mra|lge|bssfp|cine",
    "pet": r"pet|pt|suv\w*|fdg",
    "rgb": r"rgb\w*|colou?r|red|green|blue|r|g|b|microscop\w*|histolog\w*|fundus|dermoscop\w*|endoscop\w*",
}


class Frozen(BaseModel):
    """A value that travels: never changed after it is made, no key that is not declared, no NaN (JSON has none)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Channel(Frozen):
    """One input channel, in the order of a case's images. `modality` decides how intensities are normalised."""

    name: str
    modality: Modality


class Region(Frozen):
    """What the model answers: the voxels whose label value is one of `values` (at least one, 0 not among them)."""

    name: str = Field(min_length=1)
    values: tuple[int, ...] = Field(min_length=1)


Kind = Literal["segmentation", "classification", "regression", "detection", "anomaly"]
Choice = Literal["one", "several", "ordered"]
ANSWERS: dict[Kind, str] = {
    "segmentation": "regions", "classification": "classes", "regression": "quantities", "detection": "classes",
    "anomaly": "classes",
}  # fmt: skip


class Task(Frozen):
    """Channels in; out what the kind asks for.

        segmentation      regions of a label map
        classification    classes of the whole image: one of them, several at once, or one of an order (grades)
        regression        quantities: a number each, of the whole image
        detection         boxes, each with a class
        anomaly           classes: normal, which alone is learned, and abnormal; findings: the regions that are the latter

    region_order: for each region the value that is written where it is found; regions are painted in their own order,
        later ones over earlier ones (nnU-Net's `regions_class_order`). Chosen when left empty: the smallest value that
        no later region holds, else the region's smallest value.
    ignore: the label value of voxels that are neither trained on nor scored, or None.
    source: where this was read: "dataset.json", "scanwright.json", "label values".

    classes: in the order of their codes; of grades from least to most. The first of two is the negative one.
    findings: the regions that are no anatomy but what is wrong in it; None: those whose names say so (FINDING_WORDS).
    partial: the sets of regions that were looked for in cases where not all were, each once; empty where all were in all.
    units: one for each quantity, "" where its name says it or none is known; empty: so of all.

    Raises pydantic's ValidationError (parse_task: InputError) if a name occurs twice, 0 is in a region, the ignore
    value is in a region, region_order has another length than regions, or what the kind asks for is not there.
    """

    name: str
    kind: Kind = "segmentation"
    channels: tuple[Channel, ...] = Field(min_length=1)
    regions: tuple[Region, ...] = ()
    classes: tuple[str, ...] = ()
    choice: Choice = "one"
    quantities: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    region_order: tuple[int, ...] = ()
    findings: tuple[str, ...] | None = None
    partial: tuple[tuple[str, ...], ...] = ()
    ignore: int | None = None
    source: str = "given"

    @property
    def values(self) -> tuple[int, ...]:
        """All label values that may occur, ascending; 0 and the ignore value included."""
        ignored = () if self.ignore is None else (self.ignore,)
        return tuple(sorted({0, *ignored, *(value for region in self.regions for value in region.values)}))

    @property
    def abnormal(self) -> tuple[str, ...]:
        """The regions that are findings, in their order: as declared, else by their names."""
        names = [region.name for region in self.regions]
        return tuple(
            name for name in names if (speaks_of_finding(name) if self.findings is None else name in self.findings)
        )

    @property
    def has_classes(self) -> bool:
        """Whether a whole image is of one of the classes, or of several."""
        return self.kind in ("classification", "anomaly")

    @property
    def exclusive(self) -> bool:
        """Whether there is one answer for each voxel (softmax) instead of several (sigmoid): no value is in two regions.

        Where some regions were not looked for in some cases, each is an answer of its own.
        """
        return not self.partial and self.disjoint

    @property
    def disjoint(self) -> bool:
        """Whether no label value is in two regions: a finding is then cut out of the region that it lies in."""
        held = [value for region in self.regions for value in region.values]
        return len(held) == len(set(held))

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        for what, names in (
            ("regions", [region.name for region in self.regions]),
            ("classes", self.classes),
            ("quantities", self.quantities),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"two {what} have the same name: {', '.join(names)}")
        if not getattr(self, ANSWERS[self.kind]):
            raise ValueError(f"{self.kind} without {ANSWERS[self.kind]}")
        if self.units and len(self.units) != len(self.quantities):
            raise ValueError(f"{len(self.units)} units for {len(self.quantities)} quantities")
        looked_for = {name for names in self.partial for name in names}
        if looked_for - {region.name for region in self.regions}:
            raise ValueError("regions were looked for that are none of the task")
        unknown = set(self.findings or ()) - {region.name for region in self.regions}
        if unknown:
            raise ValueError(f"findings that are no regions: {', '.join(sorted(unknown))}")
        held = {value for region in self.regions for value in region.values}
        if 0 in held:
            raise ValueError("0 is background and cannot be part of a region")
        if self.ignore is not None and self.ignore in held | {0}:
            raise ValueError(f"the ignore value {self.ignore} is also background or part of a region")
        if self.region_order and len(self.region_order) != len(self.regions):
            raise ValueError(f"region_order names {len(self.region_order)} values for {len(self.regions)} regions")
        if not self.region_order:
            object.__setattr__(self, "region_order", painting_values(self.regions))
        return self


FINDING_WORDS = (
    r"lesions?|tumou?rs?|nodules?|mass(es)?|metasta\w+|cysts?|opacit\w+|consolidations?|effusions?|infarct\w*|h(a)?emorrhages?|"
    r"bleed\w*|polyps?|fractures?|edema|oedema|necrosis|gtv\w*|cancers?|carcinomas?|abscess(es)?|stones?|plaques?|ischa?emi\w+|"
    r"pneumothora\w+|wmh|abnormal\w*|findings?"
)
"""Words that only what is wrong is called by; a name that holds one speaks of a finding."""


def speaks_of_finding(name: str) -> bool:
    """Whether a region's name speaks of what is wrong, and not of anatomy.

    >>> [speaks_of_finding(name) for name in ("liver tumour", "left lung", "GTV", "brain_mass", "masseter")]
    [True, False, True, True, False]
    """
    words = re.sub(r"[^a-z0-9]+", " ", name.lower())
    return re.search(rf"\b(?:{FINDING_WORDS})\b", words) is not None


def painting_values(regions: tuple[Region, ...]) -> tuple[int, ...]:
    """The value to write for each region when they are painted in the order given.

    >>> painting_values((Region(name="whole", values=(1, 2, 3)), Region(name="core", values=(2, 3))))
    (1, 2)
    """
    later: set[int] = set()
    chosen: list[int] = []
    for region in reversed(regions):
        own = sorted(set(region.values) - later)
        chosen.append(own[0] if own else min(region.values))
        later |= set(region.values)
    return tuple(reversed(chosen))


def larger_first(regions: tuple[Region, ...]) -> tuple[Region, ...]:
    """Regions in an order in which nested ones are painted over those that hold them; otherwise as given."""
    return tuple(sorted(regions, key=lambda region: -len(region.values)))


# Of a folder's name only what can hardly mean anything else: "cohort_b" is no blue channel, "dr_miller" no radiograph.
FOLDER_WORDS: dict[Modality, str] = {
    "xray": r"x ?rays?|cxr|radiographs?|radiography|mammogra\w*|fluoroscop\w*",
    "us": r"ultrasounds?|sonogra\w*|echocardiogra\w*|(?<!.)us",
    "ct": r"ct|cbct|ldct|cts",
    "mr": r"mri?|mris|mrs|fmri|t1w?|t2w?|flair|dwi|mprage",
}


def modality_of_folder(name: str) -> Modality:
    """The modality that the name of a data folder speaks of; "other" if none does, or two do.

    >>> [modality_of_folder(name) for name in ("xray_lungs", "us_thyroid", "study_b", "dr_miller_mri", "ct_mr", "from_us")]
    ['xray', 'us', 'other', 'mr', 'other', 'other']
    """
    words = re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()
    found = [modality for modality, pattern in FOLDER_WORDS.items() if re.search(rf"\b(?:{pattern})\b", words)]
    return found[0] if len(found) == 1 else "other"


def modality_of(name: str) -> Modality:
    """The modality that a channel's name speaks of: "CT", "MRI", "T1w", "FLAIR", "chest x-ray"; "other" if none.

    >>> [modality_of(name) for name in ("CT", "T1Gd", "FLAIR", "X-Ray", "B-mode US", "PET", "R")]
    ['ct', 'mr', 'mr', 'xray', 'us', 'pet', 'rgb']
    """
    words = re.sub(r"[^a-z0-9]+", " ", name.lower())
    for modality, pattern in MODALITY_WORDS.items():
        if re.search(rf"\b(?:{pattern})\b", words):
            return modality
    return "other"


def parse_task(value: JSON, *, where: object) -> Task:
    """A Task from JSON data. Raises InputError naming `where` and every key that is wrong."""
    try:
        return Task.model_validate(value)
    except ValidationError as error:
        raise as_input_error(error, message="not a task that makes sense", where=where) from error


def as_input_error(error: ValidationError, *, message: str, where: object) -> InputError:
    """Pydantic's list of faults as one InputError with a line for each."""
    lines = [f"{'.'.join(map(str, fault['loc'])) or 'task'}: {fault['msg']}" for fault in error.errors()]
    return InputError(message, where=where, details=lines, hint="Correct the keys named above.")
