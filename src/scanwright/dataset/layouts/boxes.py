"""Boxes on pictures and in volumes, whichever layout wrote them: what has to hold of each, and how they become a data set.

    empty-box          warning   no width or no height (a click that was saved); left out
    double-box         warning   the same box twice; one is kept
    box-outside        error     wholly outside the picture, or more than a pixel (a voxel) over its edge. Up to one is what
                                 rounding, and counting from 0 or 1, make: such a box is cut at the edge without a word
    box-in-fractions   error     every box begins within the first pixel and is no longer: shares of the picture
    alike-classes      error     classes that differ in case, a hyphen, a space or a short form alone
    undeclared-class   error     a class that is none of the declared ones
    size-mismatch      error     the annotation was made on a picture of another size
    missing-image      error     of an annotation; missing-label: of a picture, where each has an annotation
    unreadable-label   error     an annotation that is not what its format says
    turned-picture     warning   see below
    unused-class       note      a declared class that has no box is no class of the task, unless scanwright.json declares it

Boxes lie on the picture as it is read and shown: upright, as its EXIF tag says (io/raster.py). A tool that ignores the tag
has its boxes on the stored pixels; where it states the size, a quarter turn shows as size-mismatch; else nothing tells the
two apart, and the warning turned-picture says so. Sizes come from headers; no pixel is decoded for them.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Box, Boxes, Case, Dataset, Fault, Severity, Side
from scanwright.dataset.declare import FILE_NAME, Declaration, make_class_task
from scanwright.dataset.infer import infer_channels
from scanwright.dataset.layouts.listing import folders_in, images_in, is_dead_link
from scanwright.dataset.layouts.spelling import alike_classes, misspelt_classes
from scanwright.errors import InputError
from scanwright.io.formats import is_image, is_picture, read_grid, stem
from scanwright.io.header import Header
from scanwright.types import JSON, Shape3

MARGIN = 1.0  # pixels over the edge that are cut off without a word
LARGEST = 1e9  # pixels
SHOWN = 3  # boxes that one fault names

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A picture and what an annotation has on it, before either is looked at.

    image: where the picture should lie. file: the annotation, for messages. boxes: in pixels, or as shares of the picture's
    width and height where `in_shares`; None where they are not known, which the layout has a fault for.
    size: width and height that the annotation states, if it does. in_volumes: whether the image may be a volume.
    """

    name: str
    image: Path
    file: Path
    boxes: tuple[Box, ...] | None
    in_shares: bool = False
    size: Size | None = None
    in_volumes: bool = False
    split: Side = "train"


def make_dataset(
    root: Path,
    drawn: Iterable[Drawn],
    *,
    layout: str,
    form: str,
    classes: Sequence[str],
    declared: Declaration,
    source: str,
    faults: Iterable[Fault] = (),
) -> Dataset:
    """Pictures with boxes as a data set. classes: in their order, whether they have a box or not; form: the layout in words.

    Raises InputError if there is no box at all, and scanwright.json declares no classes either.
    """
    drawn = list(drawn)
    cases, found = make_cases(drawn, classes=declared.classes)
    held = Counter(box.name for case in cases if isinstance(case.target, Boxes) for box in case.target.boxes)
    meant = declared.classes or ()
    slips = (*alike_classes(list(held), meant), *misspelt_classes(held, meant))
    every = (*faults, *found, *_in_fractions(drawn), *slips)
    if not held and declared.classes is None:
        details = [fault.line() for fault in every[:5]]
        raise InputError(
            "no box in any annotation", where=root, details=details, hint="Check that these are the boxes."
        )
    task = make_class_task(
        declared,
        kind="detection",
        name=root.name,
        channels=declared.channels or infer_channels([case.images[0] for case in cases], folder=root.name),
        classes=[name for name in dict.fromkeys(classes) if name in held],
        source=source,
        where=root,
    )
    counted = f"{number_of(held.total(), 'box', 'boxes')} of {number_of(len(task.classes), 'class', 'classes')}"
    return Dataset(
        root=root,
        layout=layout,
        stated=f"{form} with {counted}",
        task=task,
        cases=tuple(cases),
        faults=(*every, *_unused([name for name in dict.fromkeys(classes) if name not in task.classes])),
    )


def _in_fractions(drawn: Iterable[Drawn]) -> Iterator[Fault]:
    """An error if boxes that are told in pixels all begin within the first one and are no longer: they are shares then."""
    boxes = [box for one in drawn if not one.in_shares for box in one.boxes or ()]
    whole = all(box.lengths[:2] == (1.0, 1.0) for box in boxes)  # single pixels
    if not whole and all(max(*box.start, *box.lengths[:2]) <= 1 for box in boxes):
        first = boxes[0]
        yield Fault(
            code="box-in-fractions",
            severity="error",
            file=next(one.file for one in drawn if one.boxes and not one.in_shares),
            expected="boxes in pixels (voxels)",
            found=f"all {number_of(len(boxes), 'box', 'boxes')} within the first pixel, such as {told(first, flat=True)}",
            action="Multiply them by the width and height of the picture, or write them as YOLO files.",
        )


def make_cases(drawn: Iterable[Drawn], *, classes: Collection[str] | None) -> tuple[list[Case], list[Fault]]:
    """Cases in the order given, with the boxes that hold, and a fault for each case and each way in which some do not.

    classes: the declared ones; None where any will do. A picture that is not there makes no case; one whose header cannot be
    read has no target, and the checks say what is wrong with it.
    """
    cases: list[Case] = []
    faults: list[Fault] = []
    for one in drawn:
        if not (is_image(one.image) if one.in_volumes else is_picture(one.image)) or not is_there(one.image):
            faults.append(missing_picture(one))
            continue
        header = None if one.boxes is None else _header(one.image)
        target, more = (None, []) if header is None else _judged(one, header, classes)
        cases.append(Case(id=one.name, images=(one.image,), target=target, patient=one.name, split=one.split))
        faults += more
    return cases, faults


def numbers(values: JSON, *, count: int) -> tuple[float, ...] | None:
    """A list of `count` numbers that a picture can have, as floats; None if it is anything else (texts, true, NaN, 1e300)."""
    if not isinstance(values, list) or len(values) != count:
        return None
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return None
    return tuple(map(float, values)) if all(abs(value) <= LARGEST for value in values) else None


def is_there(path: Path) -> bool:
    """Whether anything lies there, be it a link to nothing, which reading it names. A name that no file can have: no."""
    try:
        return path.exists() or is_dead_link(path)
    except OSError:
        return False


def names_of(images: Sequence[Path]) -> list[str]:
    """A name for each picture: its stem; with as many folders before it as tell all pictures apart; or its whole name.

    >>> names_of([Path("train/a.png"), Path("test/a.png")]), names_of([Path("a.png"), Path("b.JPG")])
    (['train_a', 'test_a'], ['a', 'b'])
    """
    deepest = max((len(path.parts) for path in images), default=0)
    for depth in range(1, deepest + 1):
        named = ["_".join([*path.parts[-depth:-1], stem(path)]) for path in images]
        if len(set(named)) == len(set(images)):
            return named
    return [path.name for path in images]


def pictures_below(folder: Path) -> list[Path]:
    """Picture files in a folder and in the folders directly in it, sorted; none if there is no folder."""
    found = [*images_in(folder), *(path for inner in folders_in(folder) for path in images_in(inner))]
    return sorted(path for path in found if is_picture(path))


def missing_picture(one: Drawn) -> Fault:
    """An annotation whose picture is not there, or is none."""
    return Fault(
        code="missing-image",
        severity="error",
        case=one.name,
        file=one.file,
        expected="an image for the annotation"
        if one.in_volumes
        else "a picture (PNG, JPEG, BMP or TIFF) for the annotation",
        found=one.image.name if is_there(one.image) else f"no such file {one.image.name}",
        action=f"Add the {'image' if one.in_volumes else 'picture'}, or remove the annotation.",
    )


def unreadable_label(case: str, file: Path, *, expected: str, found: str) -> Fault:
    """An annotation of one picture that cannot be understood."""
    return Fault(
        code="unreadable-label",
        severity="error",
        case=case,
        file=file,
        expected=expected,
        found=found,
        action="Correct the annotation, or exclude the case.",
    )


def undeclared_class(case: str, file: Path, *, expected: Iterable[object], found: Iterable[object]) -> Fault:
    """Boxes of classes that nobody declared; they are left out."""
    known, strange = [*map(str, expected)], [*dict.fromkeys(map(str, found))]
    return Fault(
        code="undeclared-class",
        severity="error",
        case=case,
        file=file,
        expected=f"one of {', '.join(known[:8])}" + (" …" if len(known) > 8 else ""),
        found=", ".join(strange[:8]),
        action="Declare the class, or correct the annotation.",
    )


def pictures_beside(images: Iterable[Path]) -> list[Path]:
    """All pictures that lie in the folders of the pictures given, these included, sorted."""
    folders = {image.parent for image in images}
    return sorted(path for folder in folders for path in images_in(folder) if is_picture(path))


def unlisted_pictures(listed: Collection[Path], *, file: Path) -> list[Fault]:
    """A note if pictures lie beside the listed ones that are in no list; they are not used."""
    return unlisted([path for path in pictures_beside(listed) if path not in listed], file=file, what="picture")


def unlisted(others: Sequence[Path], *, file: Path, what: str) -> list[Fault]:
    """A note if there are such files, that they are in no list and are not used. what: one of them."""
    if not others:
        return []
    return [
        Fault(
            code="unlisted-files",
            severity="note",
            file=file,
            expected=f"every {what} in a list",
            found=f"{number_of(len(others), what, what + 's')} in none, such as {others[0].name}",
            action="Nothing to do, unless they belong to the data set; add them to the list then.",
        )
    ]


def number_of(number: int, one: str, many: str) -> str:
    """How many of something, in words."""
    return f"{number} {one if number == 1 else many}"


def _header(image: Path) -> Header | None:
    try:
        return read_grid(image)
    except InputError:
        return None


def _judged(one: Drawn, header: Header, classes: Collection[str] | None) -> tuple[Boxes | None, list[Fault]]:
    """The boxes that hold, within the image; None if they were drawn on a picture of another size."""
    shape = header.grid.shape
    if one.size is not None and one.size != shape[:2]:
        return None, [_other_size(one, shape[:2], header.notes)]
    faults = [_turned(one, header.notes)] if header.notes else []
    kept: dict[Box, None] = {}
    refused: dict[str, list[Box]] = defaultdict(list)
    for box in one.boxes or ():
        drawn = _in_pixels(box, shape[:2]) if one.in_shares else box
        within = _cut(drawn, shape)
        code = "double-box" if within in kept else _what_is_wrong(drawn, shape, classes)
        if code is None:
            kept[within] = None
        else:
            refused[code].append(drawn)
    strange = refused.pop("undeclared-class", [])
    if strange:
        faults.append(undeclared_class(one.name, one.file, expected=classes or (), found=[box.name for box in strange]))
    faults += [_refused(one, code, boxes, shape) for code, boxes in refused.items()]
    return Boxes(boxes=tuple(kept)), faults


def _in_pixels(box: Box, size: Size) -> Box:
    (left, top), (right, bottom), (width, height) = box.start, box.end, size
    return box.model_copy(update={"start": (left * width, top * height), "end": (right * width, bottom * height)})


def _cut(box: Box, shape: Shape3) -> Box:
    """The part of a box that lies in the image."""
    (left, top, low), (right, bottom, high) = box.corners
    width, height, depth = map(float, shape)
    start, end = (max(left, 0.0), max(top, 0.0)), (min(right, width), min(bottom, height))
    return box.model_copy(update={"start": start, "end": end, "slices": (max(low, 0.0), min(high, depth))})


def _what_is_wrong(box: Box, shape: Shape3, classes: Collection[str] | None) -> str | None:
    """The code of the first thing that is wrong with a box; None if it can be used."""
    ends = [(start, end, float(length)) for start, end, length in zip(*box.corners, shape, strict=True)]
    if any(end <= start for start, end, _ in ends):
        return "empty-box"
    if any(end <= 0 or start >= length for start, end, length in ends):
        return "box-outside"
    if any(start < -MARGIN or end > length + MARGIN for start, end, length in ends):
        return "box-outside"
    return "undeclared-class" if classes is not None and box.name not in classes else None


def _refused(one: Drawn, code: str, boxes: Sequence[Box], shape: Shape3) -> Fault:
    """One fault for all boxes of a case that are wrong in the same way."""
    flat = shape[2] == 1
    inside = f"{' x '.join(map(str, shape[: 2 if flat else 3]))} {'pixels' if flat else 'voxels'}"
    rules: dict[str, tuple[Severity, str, str]] = {
        "empty-box": (
            "warning",
            f"a width{',' * (not flat)} {'and ' * flat}a height{'' if flat else ' and a depth'} above 0",
            "It is left out; correct or remove it.",
        ),
        "double-box": ("warning", "every box once", "One of them is kept; remove the other."),
        "box-outside": ("error", f"inside the {inside}", "Correct the box, or exclude the case."),
    }
    severity, expected, action = rules[code]
    shown = [told(box, flat=flat) for box in boxes[:SHOWN]]
    more = f" and {len(boxes) - SHOWN} more" if len(boxes) > SHOWN else ""
    found = ", ".join(shown) + more
    return Fault(
        code=code, severity=severity, case=one.name, file=one.file, expected=expected, found=found, action=action
    )


def told(box: Box, *, flat: bool) -> str:
    """A box in words. flat: of a picture, whose slices are no news."""
    start, end = (", ".join(f"{value:.6g}" for value in corner[: 2 if flat else 3]) for corner in box.corners)
    return f"{box.name} from ({start}) to ({end})"


def _other_size(one: Drawn, size: Size, notes: Sequence[str]) -> Fault:
    stated = one.size or size
    return Fault(
        code="size-mismatch",
        severity="error",
        case=one.name,
        file=one.file,
        expected=f"the picture's {size[0]} x {size[1]} pixels" + "".join(f" ({note})" for note in notes),
        found=f"{stated[0]} x {stated[1]} in the annotation",
        action="Find out which picture the boxes were drawn on, or exclude the case.",
    )


def _turned(one: Drawn, notes: Sequence[str]) -> Fault:
    return Fault(
        code="turned-picture",
        severity="warning",
        case=one.name,
        file=one.image,
        expected="boxes on the upright picture",
        found="; ".join(notes),
        action="Check that the boxes were drawn on the upright picture; else save it without its EXIF tag.",
    )


def _unused(classes: Sequence[str]) -> list[Fault]:
    if not classes:
        return []
    shown = ", ".join(classes[:8]) + (f" and {len(classes) - 8} more" if len(classes) > 8 else "")
    return [
        Fault(
            code="unused-class",
            severity="note",
            expected="a box of every class",
            found=f"none of {shown}",
            action=f'They are no classes of the task; name all "classes" in {FILE_NAME} to keep them.',
        )
    ]
