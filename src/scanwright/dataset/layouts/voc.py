"""Pascal VOC: an XML file for each picture, and lists of names for the sides of the split.

    Annotations/a.xml   JPEGImages/a.jpg   ImageSets/Main/{train,val,trainval,test}.txt
    annotations/a.xml   images/a.png       (upper and lower case alike; the lists may be absent)

test.txt is a declared test split; train and val are both learned from, since validation cases come from the folds. Where
there is a list of training pictures, a picture in no list is not used, and a note says so. "difficult" objects are ignored.

Corners in the file are numbers of pixels, counted from 1, the last one included: xmin 1, xmax 640 is all of 640 columns. So a
Box goes from (xmin - 1, ymin - 1) to (xmax, ymax). Some tools count from 0: their boxes come out up to a pixel too large to
the upper left, and what that puts outside is cut. A box whose corners are one point or on one line is taken as empty, though
by the letter it would be a pixel wide: it is a click that was saved.

Source: Everingham et al. 2010, Int J Comput Vis 88:303; the development kit's VOC2012/devkit_doc.pdf.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

from scanwright.dataset.cases import Box, Dataset, Fault, Side
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts.boxes import Drawn, Size, make_dataset, numbers, unlisted_pictures, unreadable_label
from scanwright.dataset.layouts.listing import folders_in, images_in
from scanwright.dataset.layouts.pairing import ambiguous_image, missing_label, nothing_there
from scanwright.dataset.layouts.plainxml import read_xml
from scanwright.dataset.layouts.sides import unclear_side
from scanwright.errors import InputError
from scanwright.io.formats import is_image, is_picture, stem

NAME = "voc"
LOOKED_FOR = "Annotations/*.xml (Pascal VOC) with JPEGImages/ or images/"

LABEL_FOLDERS, PICTURE_FOLDERS = ("annotations", "annotation", "xml", "xmls"), ("jpegimages", "images", "image", "imgs")
CORNERS = ("xmin", "ymin", "xmax", "ymax")
LISTS: Mapping[str, Side] = {"train": "train", "val": "train", "trainval": "train", "test": "test"}
ANNOTATION = re.compile(rb"<annotation[\s>]")  # CVAT's XML has <annotations>
PEEKED = 8  # files looked at to tell VOC's XML from others
PEEKED_BYTES = 4096


def detect(root: Path) -> str | None:
    """Why the folder is Pascal VOC's: it has both folders, and one of the first few XML files is an annotation."""
    folders = _folders(root)
    if folders is None:
        return None
    labels, pictures = folders
    files = _xml_files(labels)
    if not any(ANNOTATION.search(_beginning(file)) for file in files[:PEEKED]):
        return None
    return f"{len(files)} XML files in {labels.name}/ beside {pictures.name}/"


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the folder. Raises InputError if it has not both folders, or no box at all; all else becomes faults."""
    folders = _folders(root)
    if folders is None:
        raise InputError("no Pascal VOC folder", where=root, expected=LOOKED_FOR)
    labels, pictures = folders
    by_stem, faults = _pictures(pictures)
    files = {file.stem: file for file in _xml_files(labels)}
    sides, more = _sides(root, {*by_stem, *files})
    drawn: list[Drawn] = []
    for name in sorted({*by_stem, *files} & (sides.keys() or {*by_stem, *files})):
        image = by_stem.get(name, pictures / f"{name}.*")
        one, own = _drawn(name, image, files.get(name), sides.get(name, "train"))
        drawn.append(one)
        more += own
    unlisted = unlisted_pictures([one.image for one in drawn], file=root / "ImageSets") if sides else []
    return make_dataset(
        root,
        drawn,
        layout=NAME,
        form="Pascal VOC folder",
        classes=sorted({box.name for one in drawn for box in one.boxes or ()}),
        declared=declared,
        source=f"{labels.name}/*.xml",
        faults=(*faults, *more, *unlisted),
    )


def _folders(root: Path) -> tuple[Path, Path] | None:
    """The folders of annotations and of pictures; None unless both are there with files in them."""
    named = {folder.name.lower(): folder for folder in folders_in(root)}
    labels = next((named[name] for name in LABEL_FOLDERS if name in named and _xml_files(named[name])), None)
    pictures = next((named[name] for name in PICTURE_FOLDERS if name in named and images_in(named[name])), None)
    return None if labels is None or pictures is None else (labels, pictures)


def _xml_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() == ".xml" and p.name[0] != "." and p.is_file())


def _beginning(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(PEEKED_BYTES)


def _pictures(folder: Path) -> tuple[dict[str, Path], list[Fault]]:
    """Pictures by stem. A second one of the same stem is a fault, and the first one is used."""
    found: dict[str, Path] = {}
    faults = []
    for path in filter(is_picture, images_in(folder)):
        if found.setdefault(stem(path), path) != path:
            faults.append(ambiguous_image(stem(path), found[stem(path)], path))
    return found, faults


def _sides(root: Path, known: set[str]) -> tuple[dict[str, Side], list[Fault]]:
    """The side of every listed name; empty without lists. Of a list of test pictures alone, all others are learned from."""
    listed: dict[str, list[Side]] = defaultdict(list)
    faults: list[Fault] = []
    main = root / "ImageSets" / "Main"
    present = {word: main / f"{word}.txt" for word in LISTS if (main / f"{word}.txt").is_file()}
    for word, file in present.items():
        for name in _names_in(file):
            if name not in known and name not in listed:
                faults.append(nothing_there(name, file))
            listed[name].append(LISTS[word])
    for name, sides in listed.items():
        if name in known and len(set(sides)) > 1:
            faults.append(unclear_side(name, present["test"], "listed in test and in train or val"))
    if present.keys() == {"test"}:
        listed |= {name: ["train"] for name in known - listed.keys()}
    return {name: "test" if "test" in sides else "train" for name, sides in listed.items()}, faults


def _names_in(file: Path) -> list[str]:
    lines = [line.strip() for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    return list(dict.fromkeys(stem(Path(line)) if is_image(Path(line)) else line for line in lines if line))


def _drawn(name: str, image: Path, file: Path | None, split: Side) -> tuple[Drawn, list[Fault]]:
    """One picture with its boxes; None as boxes, and a fault, where it has no annotation that can be read."""
    if file is None:
        bare = Drawn(name=name, image=image, file=image, boxes=None, split=split)
        return bare, [missing_label(name, image)]
    try:
        found = read_xml(file)
        boxes, size = tuple(_box(each, file) for each in found.findall("object")), _size(found)
        if found.tag != "annotation":
            raise InputError(f"no annotation of Pascal VOC: <{found.tag[:40]}>", where=file)
    except InputError as error:
        unread = Drawn(name=name, image=image, file=file, boxes=None, split=split)
        text = error.message + (f" ({error.found})" if error.found is not None else "")
        return unread, [unreadable_label(name, file, expected="an annotation of Pascal VOC", found=text)]
    return Drawn(name=name, image=image, file=file, boxes=boxes, size=size, split=split), []


def _size(annotation: Element) -> Size | None:
    """Width and height as stated; None if they are not, or are 0, which tools write that have not looked."""
    texts = [annotation.findtext(f"size/{side}", "").strip() for side in ("width", "height")]
    sides = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 10]
    return (sides[0], sides[1]) if len(sides) == 2 and all(sides) else None


def _box(found: Element, file: Path) -> Box:
    """One object. Raises InputError if it has no name or no four numbers."""
    name = found.findtext("name", "").strip()
    texts = [found.findtext(f"bndbox/{corner}", "").strip() for corner in CORNERS]
    corners = numbers([_number(text) for text in texts], count=4)
    if not name or corners is None:
        raise InputError("an object without a name or corners", where=file, found=f"{name or 'no name'}: {texts}")
    left, top, right, bottom = corners
    first = 1.0 if right > left and bottom > top else 0.0
    ignored = found.findtext("difficult", "").strip() == "1"
    return Box(name=name, start=(left - first, top - first), end=(right, bottom), ignored=ignored)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
