"""YOLO: a text file of boxes for each picture, and data.yaml, which names the classes and the folders.

    data.yaml            names: [RBC, WBC] or {0: RBC, 1: WBC}; train, val, test: folders, or lists of pictures in text files
    images/train/a.png   labels/train/a.txt     or train/images/a.png with train/labels/a.txt
    classes.txt          without data.yaml: a class in each line; images/a.png with labels/a.txt, sides by the folders' names

A line is `class x y width height`: the middle and the size of a box as shares of the picture's width and height. More numbers
are the corners of a polygon, whose bounding box is taken; a note says so. The label of a picture lies where the last "images"
in its path is "labels". With data.yaml a picture without a label file was looked at, and nothing is there, as Ultralytics
takes it; without one its label is missing. An empty file always says that nothing is there.

"test" is a declared test split, train and val are both learned from: validation cases come from the folds. Folders are
relative to "path" of data.yaml, else to data.yaml; where "../" leads to nothing (Roboflow), they are looked for without it.

Source: docs.ultralytics.com/datasets/detect, /datasets/segment.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from scanwright.dataset.cases import Box, Dataset, Fault, Side
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts.boxes import (
    Drawn,
    is_there,
    make_dataset,
    missing_picture,
    names_of,
    numbers,
    pictures_below,
    pictures_beside,
    undeclared_class,
    unlisted_pictures,
    unreadable_label,
)
from scanwright.dataset.layouts.listing import folders_in, resolved
from scanwright.dataset.layouts.pairing import missing_label
from scanwright.dataset.layouts.plainyaml import Plain, read_yaml
from scanwright.dataset.layouts.sides import unclear_side, word_of
from scanwright.errors import InputError
from scanwright.io.formats import stem

NAME = "yolo"
LOOKED_FOR = "data.yaml with names and train (YOLO), or classes.txt, with images/ and labels/*.txt"

YAML = re.compile(rb"^names\s*:", re.MULTILINE), re.compile(rb"^(?:train|val|test)\s*:", re.MULTILINE)
CLASSES = "classes.txt"
SIDES = ("train", "val", "test")
MAX_BYTES = 4 << 20
LABELS = {"Images": "Labels", "IMAGES": "LABELS"}
NOT_LABELS = (CLASSES, "labels.txt", "readme.txt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What is known before a label is read: names of the classes by number, pictures of each side, from which file."""

    file: Path
    classes: Mapping[int, str]
    pictures: Mapping[str, Sequence[Path]]
    bare_is_empty: bool
    faults: Sequence[Fault] = ()


def detect(root: Path) -> str | None:
    """Why the folder is YOLO's: a YAML file with names and a side, or classes.txt beside pictures that have labels."""
    if not root.is_dir():
        return None
    if yamls := _yamls(root):
        return f"{yamls[0].name} with names and folders"
    if _classes_file(root) and any(_label_of(image).is_file() for image, _ in _found(root)):
        return f"{CLASSES} with images and labels"
    return None


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the folder.

    Raises InputError if there is no list of classes, several YAML files or one that cannot be read, or no box at all.
    """
    listing = _from_yaml(root) if _yamls(root) else _from_folders(root)
    sides = _sides(listing)
    names = dict(zip(sides, names_of([*sides]), strict=True))
    faults = _on_both_sides(listing, names)
    drawn: list[Drawn] = []
    polygons: list[str] = []
    for image, split in sides.items():
        name = names[image]
        one, own, with_polygons = _drawn(name, image, listing, split)
        drawn.append(one)
        faults += own
        polygons += [name] if with_polygons else []
    return make_dataset(
        root,
        drawn,
        layout=NAME,
        form=f"YOLO {listing.file.relative_to(root)}",
        classes=[listing.classes[number] for number in sorted(listing.classes)],
        declared=declared,
        source=listing.file.name,
        faults=(
            *listing.faults,
            *faults,
            *unlisted_pictures(sides, file=listing.file),
            *_alone(sides),
            *_polygons(polygons, listing.file),
        ),
    )


def _yamls(root: Path) -> list[Path]:
    """YAML files in the folder with names and a side."""
    found = sorted(p for p in root.iterdir() if p.suffix.lower() in (".yaml", ".yml") and p.is_file())
    small = [path for path in found if path.name[0] != "." and path.stat().st_size <= MAX_BYTES]
    return [path for path in small if all(pattern.search(path.read_bytes()) for pattern in YAML)]


def _from_yaml(root: Path) -> Listing:
    file, *others = _yamls(root)
    if others:
        found = ", ".join(path.name for path in (file, *others))
        hint = "Move all but one away."
        raise InputError("several YAML files name classes", where=root, expected="one", found=found, hint=hint)
    given = read_yaml(file)
    if "kpt_shape" in given:
        found = f"kpt_shape {given['kpt_shape']}"
        raise InputError("key points are not read", where=file, expected="boxes", found=found)
    pictures: dict[str, list[Path]] = {}
    faults = []
    for side in SIDES:
        pictures[side] = []
        for text in _texts(given.get(side, "")):
            place = _place(text, str(given.get("path", "")), file)
            if is_there(place):
                pictures[side] += _listed(place) if place.is_file() else pictures_below(place)
            else:
                faults.append(_no_such_place(side, text, file))
    classes = _classes(given, file)
    return Listing(file=file, classes=classes, pictures=pictures, bare_is_empty=True, faults=faults)


def _texts(value: Plain) -> list[str]:
    texts = [value] if isinstance(value, str) else list(value)
    return [text for text in texts if text not in ("", "null", "~", "None")]


def _classes(given: Mapping[str, Plain], file: Path) -> dict[int, str]:
    """Names by number. Raises InputError if a number is none, or "nc" counts others."""
    names = given.get("names", "")
    pairs = [*names.items()] if isinstance(names, dict) else [(str(n), name) for n, name in enumerate(names)]
    sound = all(key.isascii() and key.isdigit() and name.strip() for key, name in pairs)
    if isinstance(names, str) or not pairs or not sound:
        expected = "names: [a, b] or {0: a, 1: b}"
        raise InputError("no names of classes", where=file, expected=expected, found=str(names)[:80])
    if "nc" in given and given["nc"] != str(len(pairs)):
        raise InputError("nc counts other classes than names", where=file, expected=len(pairs), found=given["nc"])
    return {int(key): name.strip() for key, name in pairs}


def _place(text: str, base: str, file: Path) -> Path:
    """The folder or list that a side names: the first place where it is; beside the YAML file if nowhere."""
    shorter = re.sub(r"^(?:\.\./)+", "", text)
    beside = [resolved(base, beside=file) / "_", file] if base else [file]
    places = [Path(normpath(resolved(each, beside=start))) for each in (text, shorter) for start in beside]
    return next((place for place in places if is_there(place)), places[-1])


def _listed(file: Path) -> list[Path]:
    """Pictures that a text file lists, one a line, relative to it."""
    if file.stat().st_size > MAX_BYTES:
        raise InputError("the list is too large", where=file, expected=f"at most {MAX_BYTES >> 20} MiB")
    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return [Path(normpath(resolved(line, beside=file))) for line in lines if line.strip()]


def _no_such_place(side: str, text: str, file: Path) -> Fault:
    return Fault(
        code="missing-files",
        severity="warning",
        file=file,
        expected=f"a folder or list of pictures for {side}",
        found=f"nothing at {text}",
        action="Correct the path, or remove the line.",
    )


def _classes_file(root: Path) -> Path | None:
    return next((path for path in (root / CLASSES, root / "labels" / CLASSES) if path.is_file()), None)


def _from_folders(root: Path) -> Listing:
    file = _classes_file(root)
    if file is None:
        raise InputError("no list of classes", where=root, expected=LOOKED_FOR)
    names = [line.strip() for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    pictures: dict[str, list[Path]] = {side: [] for side in SIDES}
    for image, side in _found(root):
        pictures[side].append(image)
    classes = {number: name for number, name in enumerate(names) if name}
    return Listing(file=file, classes=classes, pictures=pictures, bare_is_empty=False)


def _found(root: Path) -> list[tuple[Path, Side]]:
    """Pictures in images/, images/SIDE/ and SIDE/images/, each with the side that its folder names."""
    named = [folder for folder in folders_in(root) if word_of(folder.name) is not None]
    inside = [path for folder in (root, *named) for path in folders_in(folder) if path.name.lower() == "images"]
    found = [path for folder in inside for path in pictures_below(folder)]
    return [(path, "test" if "test" in map(word_of, path.relative_to(root).parts[:-1]) else "train") for path in found]


def _sides(listing: Listing) -> dict[Path, Side]:
    """Each picture once, with its side. One of val and test is set apart."""
    return {image: "test" if side == "test" else "train" for side in SIDES for image in listing.pictures[side]}


def _on_both_sides(listing: Listing, names: Mapping[Path, str]) -> list[Fault]:
    """A fault for each picture that is learned from and set apart."""
    both = {*listing.pictures["train"]} & {*listing.pictures["test"]}
    return [unclear_side(names[image], listing.file, "both train and test") for image in sorted(both)]


def _label_of(image: Path) -> Path:
    """Where the label of a picture lies: the last "images" of its path is "labels"; beside it where there is none."""
    parts = list(image.parent.parts)
    places = [place for place, part in enumerate(parts) if part.lower() == "images"]
    if places:
        parts[places[-1]] = LABELS.get(parts[places[-1]], "labels")
    return Path(*parts) / f"{stem(image)}.txt"


def _drawn(name: str, image: Path, listing: Listing, split: Side) -> tuple[Drawn, list[Fault], bool]:
    """A picture with its boxes, its faults, and whether some of the boxes were polygons."""
    file = _label_of(image)
    boxes: list[Box] | None = []
    faults: list[Fault] = []
    strange: list[int] = []
    polygons = False
    if is_there(file):
        try:
            boxes, strange, polygons = _boxes(_rows(file), listing.classes)
        except InputError as error:
            boxes = None
            expected = "class x y width height in each line"
            faults.append(unreadable_label(name, file, expected=expected, found=f"{error.message} {error.found or ''}"))
        if strange:
            faults.append(undeclared_class(name, file, expected=listing.classes, found=strange))
    elif not listing.bare_is_empty:
        boxes = None
        faults.append(missing_label(name, image))
    held = None if boxes is None else tuple(boxes)
    return Drawn(name=name, image=image, file=file, boxes=held, in_shares=True, split=split), faults, polygons


def _rows(file: Path) -> list[list[float]]:
    """The numbers of each line. Raises InputError for anything else, and for a file over 4 MiB."""
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace") if file.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise InputError("cannot read this file", where=file, found=error.strerror) from error
    if text is None:
        raise InputError("the file is too large", where=file, found=f"over {MAX_BYTES >> 20} MiB")
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        texts = line.split()
        try:
            found = numbers([float(text) for text in texts], count=len(texts))
        except ValueError:
            found = None
        if found is None:
            raise InputError(f"line {number}", where=file, found=line[:80])
        if found and not (found[0].is_integer() and (len(found) == 5 or (len(found) >= 7 and len(found) % 2))):
            raise InputError(f"line {number}: {len(found)} numbers", where=file, found=line[:80])
        rows += [list(found)] if found else []
    return rows


def _boxes(rows: Iterable[Sequence[float]], classes: Mapping[int, str]) -> tuple[list[Box], list[int], bool]:
    """Boxes in shares; numbers that are no class; whether some were polygons."""
    boxes: list[Box] = []
    strange: list[int] = []
    polygons = False
    for number, *rest in rows:
        if int(number) not in classes:
            strange.append(int(number))
            continue
        if len(rest) == 4:
            x, y, width, height = rest
            start, end = (x - width / 2, y - height / 2), (x + width / 2, y + height / 2)
        else:
            polygons = True
            start, end = (min(rest[::2]), min(rest[1::2])), (max(rest[::2]), max(rest[1::2]))
        boxes.append(Box(name=classes[int(number)], start=start, end=end))
    return boxes, strange, polygons


def _alone(images: Iterable[Path]) -> list[Fault]:
    """A fault for each label without a picture, in the folders where labels of pictures would lie.

    Other texts (classes.txt, a readme) lie there too: what holds no box is none.
    """
    expected = {_label_of(image) for image in pictures_beside(images)}
    faults = []
    for folder in sorted({label.parent for label in expected if label.parent.is_dir()}):
        for file in sorted(folder.iterdir()):
            if file.suffix.lower() == ".txt" and file not in expected and file.name.lower() not in NOT_LABELS:
                faults += [missing_picture(_without_picture(file))] if _holds_boxes(file) else []
    return faults


def _without_picture(file: Path) -> Drawn:
    return Drawn(name=file.stem, image=file.with_suffix(".*"), file=file, boxes=())


def _holds_boxes(file: Path) -> bool:
    try:
        return file.is_file() and bool(_rows(file))
    except InputError:
        return False


def _polygons(names: Sequence[str], file: Path) -> list[Fault]:
    if not names:
        return []
    found = f"polygons in {len(names)} of the label files, such as {names[0]}; their bounding boxes are taken"
    return [Fault(code="polygon-as-box", severity="note", file=file, expected="boxes", found=found)]
