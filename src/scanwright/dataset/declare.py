"""What the user states about a data folder: an optional file `scanwright.json` in it. It overrides all that is
detected.

    {
      "name": "Thigh tumours",
      "kind": "segmentation",                          what is wanted, where a folder could serve several kinds
      "classes": ["normal", "benign", "malignant"],    for classification and detection: their order, and that there are
      "choice": "ordered",                             no others; "one" of them (the default), "several", or "ordered" grades,
                                                       which need "classes" unless their names say the order (grades.py)
      "target": "diagnosis",                           the column of a table that says what an image shows or measures; of
                                                       several, such as ["oedema", "effusion"], each is a class or a number
      "units": {"volume": "ml", "age": "years"},       of numbers; else what a name ends in: "volume_ml", "age (years)"
      "layout": "image-mask",                          which layout reads the folder
      "image_folder": "scans", "label_folder": "gt",   for image-mask: the two folders; for bids: that of the labels
      "channels": ["CT", {"name": "PET", "modality": "pet"}],
      "finding_folder": "findings",                    further masks of each case, one for each structure (finding_folder.py)
      "regions": {"whole tumour": [1, 2, 3], "core": [2, 3], "oedema": 1},
      "region_order": [1, 2, 3],                       for overlapping regions: the value that is written for each
      "findings": ["oedema"],                          regions that are no anatomy but what is wrong in it; else what is called
                                                       lesion, tumour, nodule …
      "normal": ["normal"],                            for anomaly: the classes that are normal; else what is called so
      "ignore": 9,                                     voxels with this value are neither trained on nor scored; in a mask
                                                       of colours a value is written "#ff0000"
      "patient": "^(P[0-9]+)_",                        a pattern on case ids; its first group is the patient
      "test": ["P07_a", "P09_a"],                      cases that are set apart
      "series": [{"channel": "T1", "modality": "MR", "description": "t1.*mprage"},     for DICOM: which series is which
                 {"channel": "FLAIR", "description": "flair", "plane": "axial", "slices": [20, 400]}],      channel;
                                                       or "series.csv", a table of cases, channels and series
      "case_of": "study",                              for DICOM: what is one case: a series, study or patient
      "structures": {"tumour": ["GTV.*", "tumou?r"]}   names of segments, structures or mask files that are a region
    }

Names in "series" and "structures" are patterns, upper and lower case alike: a description is searched for them, the name
of a structure must be matched whole. Every key may be left out, and an unknown key is an error. "labels" is accepted for
"regions"; in it, as in nnU-Net's dataset.json, "background" must be 0 and "ignore" names the ignore value.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, ValidationError, model_validator

from scanwright.dataset.grades import order_of_grades
from scanwright.dataset.task import (
    Channel,
    Choice,
    Frozen,
    Kind,
    Region,
    Task,
    as_input_error,
    larger_first,
    modality_of,
)
from scanwright.dataset.units import contradict, unit_in_name
from scanwright.errors import InputError
from scanwright.files import read_json
from scanwright.io.colours import value_of

FILE_NAME = "scanwright.json"
BACKGROUND_NAMES = ("background", "bg", "clear label", "unlabelled", "unlabeled")


def _as_channel(value: Any) -> Any:
    return {"name": value, "modality": modality_of(value)} if isinstance(value, str) else value


def _as_names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_value(value: Any) -> Any:
    """A label value; of a mask in colours "#ff0000"."""
    found = value_of(value) if isinstance(value, str) else None
    return value if found is None else found


def _as_values(value: Any) -> Any:
    return [value] if isinstance(value, int | str) else value


def _is_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return value


Value = Annotated[int, BeforeValidator(_as_value)]
Values = Annotated[tuple[Value, ...], BeforeValidator(_as_values)]
Pattern = Annotated[str, AfterValidator(_is_pattern)]


class SeriesRule(Frozen):
    """Which DICOM series is a channel: every condition that is given must hold. slices: the least and the most."""

    channel: str = ""
    modality: str | None = None
    description: Pattern | None = None
    volume: Pattern | None = None
    plane: Literal["axial", "coronal", "sagittal"] | None = None
    slices: tuple[int, int] | None = None


class Declaration(Frozen):
    """The content of scanwright.json; every field may be absent. See the file docstring for what each one means."""

    name: str | None = None
    kind: Kind | None = None
    classes: tuple[str, ...] | None = None
    choice: Choice | None = None
    target: Annotated[tuple[str, ...], BeforeValidator(_as_names)] = ()
    units: dict[str, str] = Field(default_factory=dict)
    layout: str | None = None
    image_folder: str | None = None
    label_folder: str | None = None
    finding_folder: str | None = None
    channels: tuple[Annotated[Channel, BeforeValidator(_as_channel)], ...] | None = None
    regions: dict[str, Values] | None = Field(default=None, validation_alias=AliasChoices("regions", "labels"))
    region_order: tuple[Value, ...] = ()
    findings: tuple[str, ...] | None = None
    normal: Annotated[tuple[str, ...], BeforeValidator(_as_names)] = ()
    ignore: Value | None = None
    patient: str | None = None
    test: tuple[str, ...] = ()
    series: tuple[SeriesRule, ...] | str = ()
    case_of: Literal["series", "study", "patient"] | None = None
    structures: dict[str, tuple[Pattern, ...]] | None = None

    @model_validator(mode="after")
    def _pattern_has_a_group(self) -> Self:
        if self.patient is None:
            return self
        try:
            groups = re.compile(self.patient).groups
        except re.error as error:
            raise ValueError(f"patient is not a regular expression: {error}") from error
        if groups < 1:
            raise ValueError("patient needs a group in parentheses that holds the patient, such as ^(P[0-9]+)_")
        return self


def read_declaration(root: Path) -> Declaration:
    """The folder's scanwright.json, or an empty Declaration. Raises InputError naming every key that is wrong."""
    path = root / FILE_NAME
    if not path.is_file():
        return Declaration()
    try:
        return Declaration.model_validate(read_json(path))
    except ValidationError as error:
        raise as_input_error(error, message="not a declaration that makes sense", where=path) from error


def make_task(
    declared: Declaration,
    *,
    name: str,
    channels: Sequence[Channel],
    regions: Sequence[Region],
    region_order: Sequence[int] = (),
    ignore: int | None = None,
    source: str,
    where: Path,
) -> Task:
    """A segmentation task from what a layout found, the user's declaration on top. Raises InputError if it makes no sense."""
    order: Sequence[int] = region_order
    if declared.regions is not None:
        ordered = bool(declared.region_order)
        regions, ignore = regions_of(declared.regions, where=where / FILE_NAME, ordered=ordered)
        order, source = declared.region_order, FILE_NAME
    return _task(
        declared,
        name=name,
        channels=channels,
        where=where,
        regions=tuple(regions),
        region_order=tuple(order),
        ignore=ignore if declared.ignore is None else declared.ignore,
        source=source,
    )


def make_class_task(
    declared: Declaration,
    *,
    kind: Literal["classification", "detection"],
    name: str,
    channels: Sequence[Channel],
    classes: Sequence[str],
    choice: Choice = "one",
    source: str,
    where: Path,
) -> Task:
    """A task whose answer is a class of the image, or of each box in it.

    classes: those that were found, in their order. Declared ones go before them. Raises InputError if a class was found that
    is not declared, or the task makes no sense.
    """
    if declared.units and kind == "classification":
        named = ", ".join(declared.units)
        raise InputError("units of what is no quantity here", where=where / FILE_NAME, expected="numbers", found=named)
    strange = [one for one in classes if declared.classes is not None and one not in declared.classes]
    if declared.classes is not None and strange:
        raise InputError(
            "classes that are not declared",
            where=where / FILE_NAME,
            expected=", ".join(declared.classes),
            found=", ".join(strange[:8]),
            hint='Correct "classes", or leave it out.',
        )
    return _task(
        declared,
        name=name,
        channels=channels,
        where=where,
        kind=kind,
        classes=declared.classes or tuple(classes),
        choice=declared.choice or choice,
        source=source if declared.classes is None else FILE_NAME,
    )


def require_order(declared: Declaration, classes: Sequence[str], *, where: Path) -> None:
    """Raise InputError if grades are declared, but neither their order nor names that say it (grades.py)."""
    if declared.choice == "ordered" and declared.classes is None and order_of_grades(classes) is None:
        raise InputError(
            "grades whose order is not known",
            where=where,
            expected=f'"classes" in {FILE_NAME} from least to most; or numbers, or words such as mild, moderate, severe',
            found=", ".join(classes[:8]) + (f" and {len(classes) - 8} more" if len(classes) > 8 else ""),
            hint=f'Add their order beside "choice": "ordered", as in {{"classes": {json.dumps(list(classes[:8]))}}}.',
        )


def make_quantity_task(
    declared: Declaration,
    *,
    name: str,
    channels: Sequence[Channel],
    quantities: Sequence[str],
    source: str,
    where: Path,
) -> Task:
    """A task whose answer is a number for each quantity. Raises InputError if it makes no sense, or a declared unit is another
    than the one that the name ends in.
    """
    if unknown := declared.units.keys() - set(quantities):
        expected, found = ", ".join(quantities), ", ".join(sorted(unknown))
        raise InputError("units of what is no quantity here", where=where / FILE_NAME, expected=expected, found=found)
    for quantity, unit in declared.units.items():
        if contradict(unit, own := unit_in_name(quantity)):
            raise InputError(
                "a unit that contradicts the name of its quantity",
                where=where / FILE_NAME,
                expected=f"{own}, in which {quantity} ends",
                found=unit,
                hint='Leave it out of "units" if the name is right, or correct the name; numbers are not converted.',
            )
    return _task(
        declared,
        name=name,
        channels=channels,
        where=where,
        kind="regression",
        quantities=tuple(quantities),
        units=tuple(declared.units.get(name, "") for name in quantities) if declared.units else (),
        source=source,
    )


def _task(declared: Declaration, *, name: str, channels: Sequence[Channel], where: Path, **answers: Any) -> Task:
    try:
        findings = {} if declared.findings is None else {"findings": declared.findings}
        return Task(name=declared.name or name, channels=tuple(declared.channels or channels), **answers, **findings)
    except ValidationError as error:
        raise as_input_error(error, message="labels that make no sense together", where=where) from error


def regions_of(
    labels: Mapping[str, Sequence[int]], *, where: Path, ordered: bool = False
) -> tuple[tuple[Region, ...], int | None]:
    """Named lists of label values as regions, and the ignore value if one is named "ignore".

    ordered: keep the order given (a painting order comes with it); otherwise larger regions come first.
    Raises InputError if "background" is anything but 0, or if nothing but background is named.
    """
    named = {name.strip(): tuple(values) for name, values in labels.items()}
    ignored = next((values[0] for name, values in named.items() if name.lower() == "ignore" and len(values) == 1), None)
    for name, values in named.items():
        if name.lower() in BACKGROUND_NAMES and values != (0,):
            raise InputError("background is not 0", where=where, expected="0", found=f"{name}: {list(values)}")
    kept = {name: values for name, values in named.items() if values not in ((0,), (ignored,))}
    if not kept:
        raise InputError("no label is declared besides background", where=where, hint='Name the labels in "labels".')
    regions = tuple(Region(name=name, values=values) for name, values in kept.items())
    return regions if ordered else larger_first(regions), ignored
